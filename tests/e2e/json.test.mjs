// A page whose server sends JSON over a WebSocket and has no protocol, with FastAPI.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fetched, heardOf, open, sharesAmongTabs, shows, survivesRestart, survivesSilence, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { skip, wantsTokens, withServer } from "./lib/plain.mjs";

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

describe(`a server with FastAPI that says nothing of itself, in ${engine()}`, { skip: skip || onceIsEnough().skip }, () => {
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
    await survivesRestart(here, await open(here, plain));
  });

  test("tabs share a connection, and the next leader has one of its own", async () => {
    await sharesAmongTabs(here, () => open(here, plain));
  });
});

describe(`a server with FastAPI that has channels and counts, in ${engine()}`, { skip: skip || onceIsEnough().skip }, () => {
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
    await survivesSilence(here, tab);
  });
});

for (const refuseBy of [4401, 1008]) {
  describe(`a server with FastAPI that refuses a token by ${refuseBy}, in ${engine()}`, { skip: skip || onceIsEnough().skip }, () => {
    const here = withServer({ tokens: ["good", "better"], refuseBy });

    test("one that is refused needs a login, and a new one is a new connection", async () => {
      await wantsTokens(here, withAuth);
    });
  });
}

describe(`a server with FastAPI that refuses before it accepts, in ${engine()}`, { skip: skip || onceIsEnough().skip }, () => {
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
