// A page whose server speaks Phoenix channels, over HTTP alone: where no WebSocket gets through.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LongPoll, Socket } from "phoenix";

import { heardOf, open, shows, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { deferred, followsChannels, isSubscribed, openJoined, took, withServer } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { connections } from "./lib/stage.mjs";

const channel = "room:tasks";
const backend = { kind: "phoenix", url: "/socket" };
const polls = { ...backend, ladder: ["poll"] };
const transport = async (tab) => (await tab.snapshot()).transport;

followsChannels("Phoenix over HTTP", { backend: polls, channel, topic: channel });

describe(`a server of Phoenix that waits shortly, over HTTP in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ windowMs: 300 });

  test("a wait in vain is followed by the next, and no WebSocket is opened", async () => {
    const tab = await openJoined(here, polls, { channel });
    assert.equal(await transport(tab), "poll");
    const { dials, frames } = (await tab.snapshot()).counters;
    await eventually("it waited often", () => tab.snapshot(), ({ counters }) => counters.frames >= frames + 4);
    for (const n of [1, 2, 3]) await here.server.does("emit", { topic: channel, event: "elsewhere", payload: { n, é: "\n" } });
    const heard = await eventually("all are heard", () => heardOf(tab, "elsewhere"), ({ length }) => length === 3);
    assert.deepEqual(heard.map(([, { n, é }]) => [n, é]), [[1, "\n"], [2, "\n"], [3, "\n"]]);
    assert.equal((await tab.snapshot()).counters.dials, dials);
    assert.equal(here.proxy.dials, 0);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("where no WebSocket gets through, requests do, and when one does it is used", async () => {
    here.proxy.break({ sockets: "reset" });
    const tab = await open(here, backend, { channel }, (tab) => tab.untilStatus("degraded"));
    assert.equal(await transport(tab), "poll");
    await here.server.addTask("By a request");
    await shows(tab, "By a request");
    here.proxy.heal();
    await tab.run("rig.live.reconnect()");
    await eventually("the socket is used", () => transport(tab), (by) => by === "ws");
    await tab.untilStatus("connected");
    await eventually("it is joined", () => tab.snapshot(), isSubscribed);
    await here.server.addTask("By a socket");
    await shows(tab, "By a socket");
    await eventually("one connection is open", () => connections(here), (open) => open === 1);
  });
});

describe(`a server of Phoenix that wants a token, over HTTP in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ tokens: ["good", "better"] });

  test("one that is refused needs a login, which a socket cannot tell", async () => {
    const tab = await visit(here, polls, { channel, token: "bad" });
    await tab.untilStatus("needs-auth");
    assert.equal((await here.server.stats()).connects, 0);
    await tab.run("rig.logIn('good')");
    await eventually("it is joined", () => tab.snapshot(), isSubscribed);
    await here.server.addTask("Known");
    await shows(tab, "Known");
  });
});

describe(`a project of Supabase over HTTP in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();

  test("changes and broadcasts come by requests, and a new token is given by them", async () => {
    const project = { kind: "supabase", url: "/", apikey: "k", ladder: ["poll"], channels: { tasks: { changes: [{ table: "tasks" }] } } };
    const tab = await openJoined(here, project, { channel: "tasks", token: "ann" });
    await here.server.addTask("By a change");
    await shows(tab, "By a change");
    await here.server.does("emit", { topic: "realtime:tasks", event: "elsewhere", payload: { n: 1 } });
    await eventually("it is heard", () => heardOf(tab, "elsewhere"), ({ length }) => length === 1);
    await tab.run("rig.logIn('better')");
    const tokens = async () => (await here.server.does("said")).said.filter(({ text }) => text.includes("access_token"));
    const said = await eventually("it is given", tokens, (said) => said.some(({ text }) => text.includes("better")));
    assert.equal(JSON.parse(said.at(-1).text).payload.access_token, "better");
    assert.equal((await tab.snapshot()).counters.dials, 1);
  });
});

describe(`what the official client says over HTTP, and what the page says, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();

  /** Each kind of frame once. It gives no signs of life where requests are one. */
  async function said() {
    const { address, frames } = await took(here);
    delete frames.heartbeat;
    return { address, frames };
  }

  test("phoenix.js with its LongPoll", async () => {
    const socket = new Socket(`${here.server.url}/socket`, { transport: LongPoll, params: { token: "ann" }, timeout: 20_000 });
    socket.connect();
    try {
      const joins = socket.channel(channel, { app: "planner" });
      const heard = [];
      joins.on("elsewhere", ({ n }) => heard.push(n));
      const joined = deferred();
      joins.join().receive("ok", joined.resolve);
      await joined.promise;
      await here.server.does("emit", { topic: channel, event: "elsewhere", payload: { n: 1 } });
      await eventually("it is heard", async () => heard, ({ length }) => length === 1);
      // It takes that for answered before it has said it.
      joins.leave();
      await eventually("it leaves", said, ({ frames }) => frames.phx_leave !== undefined);
    } finally {
      socket.disconnect();
    }
    const theirs = await said();
    await here.server.kill();
    await here.server.restart();
    const tab = await visit(here, { ...polls, join: { app: "planner" } }, { token: "ann", idle: 0 });
    await tab.untilStatus("connected");
    await tab.run("rig.leave = rig.live.channel(arguments[0])", channel);
    await eventually("it is joined", () => tab.snapshot(), isSubscribed);
    await here.server.does("emit", { topic: channel, event: "elsewhere", payload: { n: 1 } });
    await eventually("it is heard", () => heardOf(tab, "elsewhere"), ({ length }) => length === 1);
    await tab.run("rig.leave()");
    const ours = await eventually("it leaves", said, ({ frames }) => frames.phx_leave !== undefined);
    assert.deepEqual(ours, theirs);
  });
});
