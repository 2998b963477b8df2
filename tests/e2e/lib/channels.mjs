// What is so with every backend whose channels are those of Phoenix: for the tests of both.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./browser.mjs";
import { engine, onceIsEnough } from "./environment.mjs";
import { PhoenixServer } from "./phoenix.mjs";
import { Rig, rigFolder } from "./rig.mjs";
import { connections, stage } from "./stage.mjs";

/** A stage with a server of its own for each test. */
export const withServer = (wanted) =>
  stage({ own: true, pages: rigFolder, proxy: true, start: (www) => PhoenixServer.start(www, wanted) });

/**
 * @param name what the server is
 * @param backend what the page is told of it
 * @param channel where tasks are told
 * @param topic what the server calls that
 */
export function followsChannels(name, { backend, channel, topic }) {
  describe(`a server of ${name}, in ${engine()}`, onceIsEnough(), () => {
    const here = withServer({});
    const open = () => opened(here, backend, channel);

    test("events make queries stale, and a listener has their payload", async () => {
      const tab = await open();
      const before = await tab.run("return rig.fetched");
      await here.server.addTask("By an event");
      await shows(tab, "By an event");
      await here.server.does("emit", { topic, event: "elsewhere", payload: { n: 1 } });
      await eventually("it is fetched", () => tab.run("return rig.fetched.counts"), (counts) => counts > before.counts);
      assert.deepEqual(await heardOf(tab, "elsewhere"), [[channel, { n: 1 }]]);
      assert.equal(await tab.run("return rig.fetched.tasks"), before.tasks + 1);
      assert.deepEqual(await tab.run("return rig.faults"), []);
    });

    test("after a restart what was missed costs one fetch of each query", async () => {
      const tab = await open();
      const before = await tab.run("return rig.fetched");
      await here.server.kill();
      await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
      await here.server.restart();
      await here.server.addTask("Nobody heard of it", true);
      await shows(tab, "Nobody heard of it");
      await eventually("both are fetched", () => tab.run("return rig.fetched"), ({ counts }) => counts > before.counts);
      await here.server.addTask("Afterwards");
      await shows(tab, "Afterwards");
      assert.deepEqual(await tab.run("return rig.fetched"), { tasks: before.tasks + 2, counts: before.counts + 1 });
    });

    test("a channel that crashed is joined again, and what it missed is fetched", async () => {
      const tab = await open();
      await here.server.does("crash", { topic });
      await eventually("it is noticed", () => tab.snapshot(), (snapshot) => !isSubscribed(snapshot));
      await here.server.addTask("While it was away", true);
      await shows(tab, "While it was away");
      await eventually("it is joined again", () => tab.snapshot(), isSubscribed);
      assert.equal((await tab.snapshot()).counters.dials, 1);
      await here.server.addTask("Afterwards");
      await shows(tab, "Afterwards");
    });

    test("tabs share a connection, and the next leader has one of its own", async () => {
      const tabs = [];
      for (let n = 0; n < 3; n += 1) tabs.push(await open());
      assert.equal(await connections(here), 1);
      const roles = [];
      for (const tab of tabs) roles.push((await tab.snapshot()).role);
      const leader = roles.indexOf("leader");
      await here.server.addTask("For all");
      for (const tab of tabs) await shows(tab, "For all");
      const [first] = tabs.splice(leader, 1);
      await Promise.all([first.tab.close(), here.server.addTask("Around the change", true)]);
      for (const tab of tabs) await shows(tab, "Around the change");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });

    test("a server that sends everybody away is dialled again", async () => {
      const tab = await open();
      await here.server.does("disconnect");
      await eventually("it is noticed", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
      await here.server.addTask("Behind it");
      await shows(tab, "Behind it");
      await tab.untilStatus("connected");
    });
  });
}

/** Each kind of frame once, without its numbers, and the address that was dialled. */
export async function took({ server }) {
  const { dialled, said } = await server.does("said");
  const frames = new Map();
  for (const { text } of said) {
    const [join, ref, topic, event, payload] = JSON.parse(text);
    frames.set(event, JSON.stringify([join && "J", ref && "R", topic, event, payload]));
  }
  return { address: dialled.at(-1), frames: Object.fromEntries([...frames].sort()) };
}

/** The page says the same, on a server that has heard nobody else. */
export async function assertSame(here, theirs, backend, channel, more, next) {
  await here.server.kill();
  await here.server.restart();
  const tab = await visit(here, backend, "", { ...more, idle: 0 });
  await tab.untilStatus("connected");
  await tab.run("rig.leave = rig.live.channel(arguments[0])", channel);
  await eventually("it is joined", () => tab.snapshot(), isSubscribed);
  if (next) {
    await tab.run("rig.logIn(arguments[0])", next);
    await eventually("it is given", () => took(here), ({ frames }) => frames.access_token !== undefined);
  }
  await tab.run("rig.leave()");
  const ours = await eventually("it leaves", () => took(here), ({ frames }) => frames.phx_leave !== undefined);
  assert.deepEqual(ours, theirs);
}

export function deferred() {
  const out = {};
  out.promise = new Promise((resolve) => (out.resolve = resolve));
  return out;
}

export const isSubscribed = ({ channels }) => channels.length > 0 && channels.every(({ state }) => state === "subscribed");

export function visit(here, backend, channel, more = {}) {
  const channels = channel === "" ? {} : { channel };
  return Rig.open(here.browser, here.proxy, "ann", { backend: JSON.stringify(backend), ...channels, ...more }, "phoenix.html");
}

/** A tab that is connected, and has caught up with what it may have missed before it was. */
export async function opened(here, backend, channel, more) {
  const tab = await visit(here, backend, channel, more);
  await eventually("it is joined", () => tab.snapshot(), isSubscribed);
  await eventually(
    "all is fetched anew",
    () => tab.run("return { ...rig.fetched, busy: rig.fetching() }"),
    ({ tasks, counts, busy }) => tasks >= 2 && counts >= 2 && !busy,
  );
  return tab;
}

/** Channel and payload of the events of a name. */
export async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

export async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}
