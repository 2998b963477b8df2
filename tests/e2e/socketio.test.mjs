// A page whose server speaks Socket.IO, with the libraries' own servers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  backendStage,
  fetched,
  heardOf,
  open,
  sharesAmongTabs,
  shows,
  survivesLoss,
  survivesRestart,
  survivesSilence,
  visit,
} from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { PROGRAMS, SocketIoServer } from "./lib/socketio.mjs";
import { connections } from "./lib/stage.mjs";

const backend = { kind: "socketio", url: "/" };
/** How often a server asks for a sign of life where a test waits for it, and for how long it waits for one. */
const [PING_MS, TIMEOUT_MS] = [1000, 1500];

const withServer = (library, wanted) => backendStage((www) => SocketIoServer.start(library, www, wanted));

for (const library of Object.keys(PROGRAMS)) {
  describe(`a server with ${library} in ${engine()}`, () => {
    const here = withServer(library);

    test("events make queries stale, bytes among them or not, and who wants to know that they came is told", async () => {
      const tab = await open(here, backend);
      const before = (await fetched(tab)).tasks;
      await here.server.addTask("By an event");
      await shows(tab, "By an event");
      assert.deepEqual(await heardOf(tab, "task_created"), [["/", { title: "By an event" }]]);
      await here.server.addTask("By a picture", true);
      await here.server.emit({ name: "picture", data: { id: 1 }, bytes: 1000 });
      await shows(tab, "By a picture");
      assert.equal((await fetched(tab)).tasks, before + 2);
      const [[, picture]] = await heardOf(tab, "picture");
      assert.deepEqual([picture.id, Buffer.from(picture.bytes, "base64").length], [1, 1000]);
      assert.deepEqual(await here.server.emit({ name: "elsewhere", data: 1, ack: true }), { acked: 1 });
      assert.deepEqual(await tab.run("return rig.faults"), []);
    });

    test("after a restart what was missed costs one fetch of each query", async () => {
      const tab = await open(here, backend);
      await here.server.addTask("Before");
      await shows(tab, "Before");
      await survivesRestart(here, tab);
    });

    test("tabs share a connection, and the next leader has one of its own", async () => {
      await sharesAmongTabs(here, () => open(here, backend));
    });

    test("a channel is a namespace, and is joined again when the server ends it", async () => {
      const tab = await open(here, backend, { channel: "/admin" });
      const subscribed = ({ channels }) =>
        channels.map(({ channel, state }) => `${channel} ${state}`).sort().join() === "/ subscribed,/admin subscribed";
      await eventually("both are subscribed", () => tab.snapshot(), subscribed);
      await here.server.emit({ namespace: "/admin", name: "elsewhere", data: { n: 1 } });
      const first = ["/admin", { n: 1 }];
      await eventually("it is heard", () => heardOf(tab, "elsewhere"), (heard) => heard.length === 1);
      assert.deepEqual(await heardOf(tab, "elsewhere"), [first]);
      await here.server.end("/admin");
      await eventually("it is noticed", () => tab.snapshot(), (snapshot) => !subscribed(snapshot));
      await eventually("it is joined again", () => tab.snapshot(), subscribed);
      await here.server.emit({ namespace: "/admin", name: "elsewhere", data: { n: 2 } });
      await eventually("it is heard", () => heardOf(tab, "elsewhere"), (heard) => heard.length === 2);
    });
  });

  describe(`a server with ${library} that wants a token, in ${engine()}`, () => {
    const here = withServer(library, { tokens: ["good", "better"] });

    test("one that is refused needs a login, and a new one is a new connection", async () => {
      const tab = await visit(here, backend, { token: "bad" });
      await tab.untilStatus("needs-auth");
      assert.equal((await tab.snapshot()).authenticated, false);
      await tab.run("rig.logIn('good')");
      await eventually("it is known", () => tab.snapshot(), ({ authenticated }) => authenticated);
      const auths = async () => (await heardOf(tab, "authenticated")).map(([, { auth }]) => auth.token);
      await eventually("it is known by the first", auths, (seen) => seen.join() === "good");
      await tab.run("rig.logIn('better')");
      await eventually("it is known by the next", auths, (seen) => seen.join() === "good,better");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });

    test("what else the server is told goes along, and it may say by an event that it knows us", async () => {
      const told = { ...backend, auth: { app: "planner" }, authenticated: "authenticated" };
      const tab = await visit(here, told, { token: "good" });
      const heard = await eventually("it is heard", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
      assert.deepEqual(heard[0][1].auth, { app: "planner", token: "good" });
    });
  });

  describe(`a server with ${library} that asks for signs of life, in ${engine()}`, () => {
    const here = withServer(library, { pingMs: PING_MS, timeoutMs: TIMEOUT_MS });

    test("it gets them, and one that does not ask any more is left", async () => {
      const tab = await open(here, backend);
      const { dials, frames } = (await tab.snapshot()).counters;
      await eventually("it asked often", () => tab.snapshot(), ({ counters }) => counters.frames >= frames + 5);
      assert.equal((await tab.snapshot()).counters.dials, dials);
      await survivesSilence(here, tab);
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });
  });
}

describe(`a server with socket.io that keeps what is missed, in ${engine()}`, () => {
  const here = withServer("socket.io", { recovery: true });

  test("a connection that is lost is taken up where it was, and costs nothing", async () => {
    const tab = await open(here, backend);
    await eventually("there is a mark", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
    for (const title of ["While it is away", "While it is away again"]) await survivesLoss(here, tab, title);
    // The server says so after what was missed, so that the page may have that on its screen first.
    const welcomes = await eventually("each is heard", () => heardOf(tab, "authenticated"), (heard) => heard.length >= 3);
    assert.deepEqual(welcomes.map(([, { recovered }]) => recovered), [false, true, true]);
    const titles = (await heardOf(tab, "task_created")).map(([, { title }]) => title);
    assert.deepEqual(titles, ["While it is away", "While it is away again"]);
  });

  test("one that cannot be taken up is a gap", async () => {
    const tab = await open(here, backend);
    await eventually("there is a mark", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
    const before = await fetched(tab);
    await here.server.kill();
    await here.server.restart();
    await eventually("all is fetched", () => fetched(tab), ({ tasks, counts }) => tasks > before.tasks && counts > before.counts);
    await tab.untilStatus("connected");
  });
});
