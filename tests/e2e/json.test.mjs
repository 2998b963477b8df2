// A page whose server sends JSON over a WebSocket and has no protocol, with FastAPI.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { PlainServer, skip } from "./lib/plain.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { connections, stage } from "./lib/stage.mjs";

const plain = { kind: "json", url: "/ws" };
const withAuth = { ...plain, hello: { type: "auth", token: "$token" }, welcome: { type: "welcome" } };
const withAll = {
  ...plain,
  welcome: { type: "welcome" },
  subscribe: { type: "subscribe", channel: "$channel" },
  unsubscribe: { type: "unsubscribe", channel: "$channel" },
  subscribed: { type: "subscribed", channel: "$channel" },
  denied: { type: "denied", channel: "$channel" },
  seq: "$.seq",
};
/** How often a page asks for a sign of life where a test waits for it. */
const EVERY_MS = 1000;

const withServer = (wanted = {}) =>
  stage({ own: true, pages: rigFolder, proxy: true, start: (www) => PlainServer.start(www, wanted) });

describe(`a server with FastAPI that says nothing of itself, in ${engine()}`, { skip }, () => {
  const here = withServer();

  test("cl5: events make queries stale", async () => {
    const tab = await open(here, plain);
    const before = await fetched(tab);
    await here.server.addTask("By an event");
    await shows(tab, "By an event");
    assert.deepEqual(await heardOf(tab, "task_created"), [["*", { title: "By an event" }]]);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("after a restart what was missed costs one fetch of each query", async () => {
    const tab = await open(here, plain);
    const before = await fetched(tab);
    await here.server.kill();
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await tab.untilStatus("connected");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    await here.server.addTask("Afterwards");
    await shows(tab, "Afterwards");
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 2, counts: before.counts + 1 });
  });

  test("tabs share a connection, and the next leader has one of its own", async () => {
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
    await eventually("one connection is open", () => connections(here), (open) => open === 1);
    await here.server.addTask("After the change");
    for (const tab of tabs) await shows(tab, "After the change");
  });
});

describe(`a server with FastAPI that has channels and counts, in ${engine()}`, { skip }, () => {
  const here = withServer();

  test("a channel is asked for, and one that is private is refused", async () => {
    const tab = await visit(here, withAll, { channel: "project:7" });
    const subscribed = ({ channels }) =>
      channels.map(({ channel, state }) => `${channel} ${state}`).sort().join() === "* subscribed,project:7 subscribed";
    await eventually("both are subscribed", () => tab.snapshot(), subscribed);
    await here.server.emit({ type: "elsewhere", data: { n: 1 } }, "project:7");
    await eventually("it is heard", () => heardOf(tab, "elsewhere"), (heard) => heard.length === 1);
    assert.deepEqual(await heardOf(tab, "elsewhere"), [["project:7", { n: 1 }]]);
    await tab.run("rig.live.channel('project:8')");
    await eventually("it is refused", () => tab.run("return rig.faults"), (faults) =>
      faults.some((fault) => fault.includes("project:8")),
    );
  });

  test("a message that is lost on the way is one fetch of what it may have made stale", async () => {
    const tab = await open(here, withAll);
    await here.server.emit({ type: "other" });
    const before = await fetched(tab);
    await here.server.addTask("Lost on the way", true);
    await here.server.skip();
    await here.server.emit({ type: "other" });
    await shows(tab, "Lost on the way");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts + 1 });
    assert.equal((await tab.snapshot()).counters.dials, 1);
  });

  test("signs of life are asked for, and a server that gives none is left", async () => {
    const backend = { ...withAll, heartbeat: { every: EVERY_MS, send: "ping", answer: "pong" } };
    const tab = await open(here, backend);
    await eventually("some were given", () => here.server.stats(), ({ pings }) => pings >= 2);
    assert.equal((await tab.snapshot()).counters.dials, 1);
    here.proxy.break({ deaf: true });
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    here.proxy.heal();
    here.proxy.cut();
    await here.server.addTask("After the silence");
    await shows(tab, "After the silence");
  });
});

for (const refuseBy of [4401, 1008]) {
  describe(`a server with FastAPI that refuses a token by ${refuseBy}, in ${engine()}`, { skip }, () => {
    const here = withServer({ tokens: ["good", "better"], refuseBy });

    test("one that is refused needs a login, and a new one is a new connection", async () => {
      const tab = await visit(here, withAuth, { token: "bad" });
      await tab.untilStatus("needs-auth");
      assert.equal((await tab.snapshot()).authenticated, false);
      await tab.run("rig.logIn('good')");
      await tab.untilStatus("connected");
      const { connects } = await here.server.stats();
      await tab.run("rig.logIn('better')");
      await eventually("it is told of the next", () => here.server.stats(), (stats) => stats.connects > connects);
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });
  });
}

describe(`a server with FastAPI that refuses before it accepts, in ${engine()}`, { skip }, () => {
  const here = withServer({ tokens: ["good"], early: true });

  test("a token in the address is taken, and a refusal looks like a server that is away", async () => {
    const backend = { ...plain, tokenParam: "token" };
    const tab = await visit(here, backend, { token: "bad" });
    await eventually("it was tried again", () => tab.snapshot(), ({ counters }) => counters.dials >= 3);
    assert.notEqual((await tab.snapshot()).status, "connected");
    await tab.run("rig.logIn('good')");
    await tab.untilStatus("connected");
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
