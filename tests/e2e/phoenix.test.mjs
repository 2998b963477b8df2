// A page whose server speaks Phoenix channels. The server is ours (`examples/stand-ins/phoenix.mjs` says why), so the official
// client is run against it too, and what it says is what the page says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { Presence, Socket } from "phoenix";
import { WebSocket } from "ws";

import { heardOf, shows, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { assertSame, deferred, followsChannels, isSubscribed, openJoined, took, withServer } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";

const PHOENIX = { backend: { kind: "phoenix", url: "/socket" }, channel: "room:tasks", topic: "room:tasks" };

followsChannels("Phoenix, version 2", PHOENIX);
followsChannels("Phoenix, version 1", { ...PHOENIX, backend: { ...PHOENIX.backend, vsn: "1.0.0" } });

describe(`a server of Phoenix that wants a token, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ tokens: ["good", "better"] });
  const { backend, channel } = PHOENIX;

  test("one in the address that is refused looks like a server that is away, and a login helps", async () => {
    const tab = await visit(here, backend, { channel, token: "bad" });
    await eventually("it is dialled again", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
    assert.equal((await here.server.stats()).connects, 0);
    await tab.run("rig.logIn('good')");
    await tab.untilStatus("connected");
    await here.server.addTask("Known");
    await shows(tab, "Known");
  });

  test("one in the join that is refused needs a login", async () => {
    const joins = { ...backend, token: { join: "token" }, join: { app: "planner" } };
    const tab = await visit(here, joins, { channel, token: "bad" });
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is joined", () => tab.snapshot(), isSubscribed);
    const { said } = await here.server.does("said");
    const join = said.map(({ text }) => text ?? "").findLast((text) => text.includes("phx_join"));
    assert.deepEqual(JSON.parse(join).at(4), { app: "planner", token: "good" });
  });

  test("bytes are told as base64, and what is refused for good is told of", async () => {
    const tab = await openJoined(here, backend, { channel, token: "good" });
    await here.server.does("emit", { topic: channel, event: "blob", bytes: [0, 1, 2, 254, 255] });
    await eventually("it is heard", () => heardOf(tab, "blob"), (heard) => heard.length === 1);
    assert.deepEqual(await heardOf(tab, "blob"), [[channel, "AAEC/v8="]]);
    await here.server.does("refuse", { topic: "room:closed", reason: "forbidden" });
    await tab.run("rig.live.channel('room:closed')");
    const faults = await eventually("it is told", () => tab.run("return rig.faults"), ({ length }) => length >= 2);
    assert.match(faults.join(), /forbidden: forbidden \(channel room:closed\)/);
    await tab.run("rig.live.channel('other')");
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => /unmatched topic/.test(seen.join()));
    assert.equal((await tab.snapshot()).status, "connected");
  });
});

describe(`rooms over a server of Phoenix, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();
  const { backend, channel } = PHOENIX;

  for (const vsn of ["2.0.0", "1.0.0"]) {
    test(`whom the server tracks is there, as the official client has it (${vsn})`, async () => {
      const tab = await visit(here, { ...backend, vsn, join: { as: "ann" } }, { rooms: "" });
      await tab.run("rig.look(arguments[0]).join({ at: 'list' })", channel);
      const sees = (users) =>
        eventually(`it sees ${users}`, () => tab.run("return rig.people()"), (seen) => isDeepStrictEqual(seen.map(([user]) => user), users));
      await sees(["ann"]);
      await eventually("it is told", () => tab.run("return rig.faults"), (seen) => seen.join().includes("no presence that a page tells"));
      const socket = new Socket(`${here.server.url.replace("http", "ws")}/socket`, { transport: WebSocket, timeout: 5000 });
      socket.connect();
      const theirs = socket.channel(channel, { as: "ben" });
      const presence = new Presence(theirs);
      theirs.join();
      await sees(["ann", "ben"]);
      const listed = () => presence.list((key, { metas }) => [key, metas[0].status]);
      await eventually("the official client sees both", async () => listed(), ({ length }) => length === 2);
      assert.deepEqual(await tab.run("return rig.people()"), listed().map(([key, status]) => [key, false, [{ status }]]).sort());
      socket.disconnect();
      await sees(["ann"]);
      await here.server.does("crash", { topic: channel });
      await sees(["ann"]);
    });
  }
});

describe(`what the official client says, and what the page says, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();

  test("phoenix.js", async () => {
    const url = here.server.url.replace("http", "ws");
    const socket = new Socket(`${url}/socket`, { transport: WebSocket, params: { token: "ann" }, heartbeatIntervalMs: 200, timeout: 5000 });
    socket.connect();
    const channel = socket.channel("room:tasks", { app: "planner" });
    const joined = deferred();
    channel.join().receive("ok", joined.resolve);
    await joined.promise;
    await eventually("it asks", () => here.server.does("said"), ({ said }) => said.some(({ text }) => text.includes("heartbeat")));
    const left = deferred();
    channel.leave().receive("ok", left.resolve);
    await left.promise;
    socket.disconnect();
    const theirs = await took(here);
    const backend = { kind: "phoenix", url: "/socket", join: { app: "planner" } };
    await assertSame(here, theirs, backend, "room:tasks", { token: "ann" });
  });
});
