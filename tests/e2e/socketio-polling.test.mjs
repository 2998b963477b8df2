// A page whose server speaks Socket.IO, over HTTP alone: where no WebSocket gets through, or the server has none.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { backendStage, fetched, heardOf, open, sharesAmongTabs, shows, survivesLoss, survivesRestart, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { PROGRAMS, SocketIoServer } from "./lib/socketio.mjs";
import { connections } from "./lib/stage.mjs";

const backend = { kind: "socketio", url: "/" };
const polls = { ...backend, ladder: ["poll"] };
/** A server in Python counts who is gone until it has looked after everybody, which it does as often as it asks. */
const QUICK = { pingMs: 1000, timeoutMs: 1500 };

const withServer = (library, wanted) => backendStage((www) => SocketIoServer.start(library, www, wanted));
const transport = async (tab) => (await tab.snapshot()).transport;

for (const library of Object.keys(PROGRAMS)) {
  describe(`a server with ${library} over HTTP in ${engine()}`, onceIsEnough(), () => {
    const here = withServer(library, QUICK);

    test("events come in order, bytes among them or not, and who wants to know that they came is told", async () => {
      const tab = await open(here, polls, { channel: "/admin" });
      const subscribed = ({ channels }) => channels.every(({ state }) => state === "subscribed") && channels.length === 2;
      await eventually("both are subscribed", () => tab.snapshot(), subscribed);
      assert.equal(await transport(tab), "poll");
      const before = (await fetched(tab)).tasks;
      await here.server.addTask("By an event");
      await shows(tab, "By an event");
      assert.equal((await fetched(tab)).tasks, before + 1);
      await here.server.emit({ name: "picture", data: { id: 1 }, bytes: 1000 });
      await Promise.all([1, 2, 3].map((n) => here.server.emit({ namespace: "/admin", name: "elsewhere", data: { n } })));
      const heard = await eventually("all are heard", () => heardOf(tab, "elsewhere"), (heard) => heard.length === 3);
      assert.deepEqual(new Set(heard.map(([channel]) => channel)), new Set(["/admin"]));
      const [[, picture]] = await heardOf(tab, "picture");
      assert.deepEqual([picture.id, Buffer.from(picture.bytes, "base64").length], [1, 1000]);
      assert.deepEqual(await here.server.emit({ name: "elsewhere", data: 1, ack: true }), { acked: 1 });
      // It goes on while the server asks for signs of life.
      const { dials, frames } = (await tab.snapshot()).counters;
      await eventually("it asked often", () => tab.snapshot(), ({ counters }) => counters.frames >= frames + 4);
      assert.equal((await tab.snapshot()).counters.dials, dials);
      assert.equal(here.proxy.dials, 0, "no WebSocket was opened");
      assert.deepEqual(await tab.run("return rig.faults"), []);
    });

    test("after a restart the session is not known any more, and what was missed costs one fetch of each query", onceIsEnough(), async () => {
      const tab = await open(here, polls);
      await here.server.addTask("Before");
      await shows(tab, "Before");
      await survivesRestart(here, tab);
    });

    test("where no WebSocket gets through, requests do, and when one does it is used", async () => {
      here.proxy.break({ sockets: "reset" });
      const tab = await open(here, backend, {}, (tab) => tab.untilStatus("degraded"));
      assert.equal(await transport(tab), "poll");
      await here.server.addTask("By a request");
      await shows(tab, "By a request");
      here.proxy.heal();
      await tab.run("rig.live.reconnect()");
      await eventually("the socket is used", () => transport(tab), (by) => by === "ws");
      await tab.untilStatus("connected");
      await here.server.addTask("By a socket");
      await shows(tab, "By a socket");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });
  });

  describe(`a server with ${library} that has no WebSockets, and wants a token, in ${engine()}`, () => {
    const here = withServer(library, { ...(library !== "socket.io" && QUICK), transports: ["polling"], tokens: ["good", "better"] });

    test("it is found by requests, and refuses by them", async () => {
      const tab = await visit(here, backend, { token: "bad" });
      await tab.untilStatus("needs-auth");
      await tab.run("rig.logIn('good')");
      await eventually("it is known", () => tab.snapshot(), ({ authenticated }) => authenticated);
      assert.equal(await transport(tab), "poll");
      const auths = async () => (await heardOf(tab, "authenticated")).map(([, { auth }]) => auth.token);
      await eventually("it is known by the first", auths, (seen) => seen.join() === "good");
      await tab.run("rig.logIn('better')");
      await eventually("it is known by the next", auths, (seen) => seen.join() === "good,better");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });
  });
}

describe(`three tabs and a server with socket.io over HTTP in ${engine()}`, onceIsEnough(), () => {
  const here = withServer("socket.io");

  test("they share a connection, and the next leader has one of its own", async () => {
    await sharesAmongTabs(here, () => open(here, polls));
  });
});

describe(`a server with socket.io that keeps what is missed, over HTTP in ${engine()}`, () => {
  const here = withServer("socket.io", { recovery: true });

  test("a connection that is lost is taken up where it was, and costs nothing", async () => {
    const tab = await open(here, polls);
    await eventually("there is a mark", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
    await survivesLoss(here, tab, "While it is away");
    const welcomes = await eventually("each is heard", () => heardOf(tab, "authenticated"), (heard) => heard.length >= 2);
    assert.deepEqual(welcomes.map(([, { recovered }]) => recovered), [false, true]);
  });
});
