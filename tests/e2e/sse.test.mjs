// A page whose server sends server-sent events and has no protocol, with sse-starlette.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { PlainServer, skip } from "./lib/plain.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { connections, stage } from "./lib/stage.mjs";

const plain = { kind: "sse", url: "/events" };
const replays = { ...plain, replays: true, reset: "reset" };

const withServer = (wanted = {}) =>
  stage({ own: true, pages: rigFolder, proxy: true, start: (www) => PlainServer.start(www, wanted) });

describe(`a server with sse-starlette in ${engine()}`, { skip }, () => {
  const here = withServer({ pingS: 1 });

  test("events make queries stale, and after a restart what was missed costs one fetch of each query", async () => {
    const tab = await open(here, plain);
    const before = await fetched(tab);
    await here.server.addTask("By an event");
    await shows(tab, "By an event");
    assert.deepEqual(await heardOf(tab, "task_created"), [["*", { title: "By an event" }]]);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    await here.server.kill();
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await tab.untilStatus("connected");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    await here.server.addTask("Afterwards");
    await shows(tab, "Afterwards");
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 3, counts: before.counts + 1 });
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("tabs share a stream, and the next leader has one of its own", async () => {
    const tabs = [];
    for (let n = 0; n < 3; n += 1) tabs.push(await open(here, plain));
    assert.equal(await connections(here), 1);
    await here.server.addTask("For all");
    for (const tab of tabs) await shows(tab, "For all");
    const roles = [];
    for (const tab of tabs) roles.push((await tab.snapshot()).role);
    const leader = roles.indexOf("leader");
    assert.equal(roles.filter((role) => role === "leader").length, 1, `${roles}`);
    const [first] = tabs.splice(leader, 1);
    await Promise.all([first.tab.close(), here.server.addTask("Around the change", true)]);
    for (const tab of tabs) await shows(tab, "Around the change");
    await eventually("one stream is open", () => connections(here), (open) => open === 1);
    await here.server.addTask("After the change");
    for (const tab of tabs) await shows(tab, "After the change");
  });

  test("a server that replays tells what was missed, and one that has forgotten says so", async () => {
    const tab = await open(here, replays);
    await here.server.addTask("First");
    await shows(tab, "First");
    const before = await fetched(tab);
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    await eventually("the server notices", () => connections(here), (open) => open === 0);
    await here.server.addTask("While it is away");
    here.proxy.heal();
    await shows(tab, "While it is away");
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    await here.server.kill();
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
  });

  test("a stream that is dead without a word is opened anew", async () => {
    const tab = await open(here, { ...plain, heartbeat: { every: 1000 } });
    here.proxy.break({ deaf: true });
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    here.proxy.heal();
    here.proxy.cut();
    await here.server.addTask("After the silence");
    await shows(tab, "After the silence");
  });
});

describe(`a server with sse-starlette that wants a token, in ${engine()}`, { skip }, () => {
  const here = withServer({ tokens: ["good", "better"] });

  test("one that is refused needs a login, and a new one is a new connection", async () => {
    const tab = await visit(here, plain, { token: "bad" });
    await tab.untilStatus("needs-auth");
    assert.equal((await tab.snapshot()).authenticated, false);
    await tab.run("rig.logIn('good')");
    await tab.untilStatus("connected");
    const { connects } = await here.server.stats();
    await tab.run("rig.logIn('better')");
    await eventually("it is told of the next", () => here.server.stats(), (stats) => stats.connects > connects);
    await eventually("one stream is open", () => connections(here), (open) => open === 1);
  });
});

describe(`a server that answers without a stream, in ${engine()}`, { skip }, () => {
  const portal = withServer({ answer: 200 });

  test("a page in its place is a fault, and is asked again", async () => {
    const tab = await visit(portal, plain);
    await eventually("it is tried again", () => tab.snapshot(), ({ counters }) => counters.dials >= 3);
    const faults = await tab.run("return rig.faults");
    assert.ok(faults.every((fault) => fault === "bad-frame: the answer is no stream of events"), `${faults}`);
  });
});

describe(`a server that wants nobody, in ${engine()}`, { skip }, () => {
  const here = withServer({ answer: 204 });

  test("is not asked again", async () => {
    const tab = await visit(here, plain);
    await tab.untilStatus("failed");
    assert.equal((await tab.snapshot()).counters.dials, 1);
  });
});

function visit(here, backend, more = {}) {
  return Rig.open(here.browser, here.proxy, "ann", { ...more, backend: JSON.stringify(backend) }, "socketio.html");
}

/** A tab that is connected, and has caught up with what it may have missed before it was. */
async function open(here, backend, more) {
  const tab = await visit(here, backend, more);
  await tab.untilStatus("connected");
  await eventually(
    "all is fetched anew",
    () => tab.run("return { ...rig.fetched, busy: rig.fetching() }"),
    ({ tasks, counts, busy }) => tasks >= 2 && counts >= 2 && !busy,
  );
  return tab;
}

const fetched = (tab) => tab.run("return rig.fetched");

/** Channel and payload of the events of a name. */
async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}
