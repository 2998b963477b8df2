// The page of an app with one backend (`rig/backend.html`), and what is so with every backend that tells of changes.

import assert from "node:assert/strict";

import { eventually } from "./browser.mjs";
import { Rig, rigFolder } from "./rig.mjs";
import { connections, stage } from "./stage.mjs";

/** What a test stands on: a server of its own that has the page, a browser, and a bad network between them. */
export const backendStage = (start) => stage({ own: true, pages: rigFolder, proxy: true, start });

/**
 * @param backend what the page is told of its server
 * @param more other parameters of the page: `channel`, `token`, `idle`, `contracts` (as JSON)
 */
export function visit(here, backend, more = {}) {
  return Rig.open(here.browser, here.proxy, "ann", { ...more, backend: JSON.stringify(backend) }, "backend.html");
}

const untilConnected = (tab) => tab.untilStatus("connected");

/** A tab that is connected, and has caught up with what it may have missed before it was. */
export async function open(here, backend, more, until = untilConnected) {
  const tab = await visit(here, backend, more);
  await until(tab);
  await eventually(
    "all is fetched anew",
    () => tab.run("return { ...rig.fetched, busy: rig.fetching() }"),
    ({ tasks, counts, busy }) => tasks >= 2 && counts >= 2 && !busy,
  );
  return tab;
}

/** How often each thing was fetched. */
export const fetched = (tab) => tab.run("return rig.fetched");

/** Channel and payload of the events of a name. */
export async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

export async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}

/** The server restarts, and what was missed meanwhile costs one fetch of each query. */
export async function survivesRestart(here, tab) {
  const before = await fetched(tab);
  await here.server.kill();
  await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
  await here.server.restart();
  await here.server.addTask("Nobody heard of it", true);
  await shows(tab, "Nobody heard of it");
  await untilConnected(tab);
  // Both are of families of which an event could have told.
  await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
  await here.server.addTask("Afterwards");
  await shows(tab, "Afterwards");
  assert.deepEqual(await fetched(tab), { tasks: before.tasks + 2, counts: before.counts + 1 });
}

/** The connection is lost, and taken up where it was: what was told meanwhile costs its own fetch and no other. */
export async function survivesLoss(here, tab, title) {
  const before = await fetched(tab);
  here.proxy.break({ refuse: true });
  here.proxy.cut();
  await eventually("the server notices", () => connections(here), (open) => open === 0);
  await here.server.addTask(title);
  here.proxy.heal();
  await shows(tab, title);
  assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
}

/** The connection is dead without a word, which is noticed, and another one is made. */
export async function survivesSilence(here, tab) {
  here.proxy.break({ deaf: true });
  await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
  here.proxy.heal();
  here.proxy.cut();
  await here.server.addTask("After the silence");
  await shows(tab, "After the silence");
}

/**
 * Three tabs share a connection, and when the leader goes, the next one has one of its own.
 *
 * @param open opens a tab
 * @param silent whether nobody is told of what happens meanwhile; of a server that tells what was missed it is to be told
 */
export async function sharesAmongTabs(here, open, { silent = true } = {}) {
  const tabs = [];
  for (let n = 0; n < 3; n += 1) tabs.push(await open());
  assert.equal(await connections(here), 1);
  await here.server.addTask("For all");
  for (const tab of tabs) await shows(tab, "For all");
  const roles = [];
  for (const tab of tabs) roles.push((await tab.snapshot()).role);
  const leader = roles.indexOf("leader");
  assert.equal(roles.filter((role) => role === "leader").length, 1, `${roles}`);
  const [first] = tabs.splice(leader, 1);
  await Promise.all([first.tab.close(), here.server.addTask("Around the change", silent)]);
  for (const tab of tabs) await shows(tab, "Around the change");
  await eventually("one connection is open", () => connections(here), (open) => open === 1);
  await here.server.addTask("After the change");
  for (const tab of tabs) await shows(tab, "After the change");
}
