// A page whose server speaks Socket.IO, with the libraries' own servers.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { PROGRAMS, SocketIoServer } from "./lib/socketio.mjs";
import { connections, stage } from "./lib/stage.mjs";

/** How often a server asks for a sign of life where a test waits for it, and for how long it waits for one. */
const [PING_MS, TIMEOUT_MS] = [1000, 1500];

for (const library of Object.keys(PROGRAMS)) {
  const withServer = (wanted = {}) =>
    stage({ own: true, pages: rigFolder, proxy: true, start: (www) => SocketIoServer.start(library, www, wanted) });

  describe(`a server with ${library} in ${engine()}`, () => {
    const here = withServer();

    test("events make queries stale, bytes among them or not, and who wants to know that they came is told", async () => {
      const tab = await open(here);
      const before = await tab.run("return rig.fetched.tasks");
      await here.server.addTask("By an event");
      await shows(tab, "By an event");
      assert.deepEqual(await heardOf(tab, "task_created"), [["/", { title: "By an event" }]]);
      await here.server.addTask("By a picture", true);
      await here.server.emit({ name: "picture", data: { id: 1 }, bytes: 1000 });
      await shows(tab, "By a picture");
      assert.equal(await tab.run("return rig.fetched.tasks"), before + 2);
      const [[, picture]] = await heardOf(tab, "picture");
      assert.deepEqual([picture.id, Buffer.from(picture.bytes, "base64").length], [1, 1000]);
      assert.deepEqual(await here.server.emit({ name: "elsewhere", data: 1, ack: true }), { acked: 1 });
      assert.deepEqual(await tab.run("return rig.faults"), []);
    });

    test("after a restart what was missed costs one fetch of each query", async () => {
      const tab = await open(here);
      await here.server.addTask("Before");
      await shows(tab, "Before");
      const before = await tab.run("return rig.fetched");
      await here.server.kill();
      await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
      await here.server.restart();
      await here.server.addTask("Nobody heard of it", true);
      await shows(tab, "Nobody heard of it");
      await tab.untilStatus("connected");
      // Both are of families of which an event could have told.
      await eventually("both are fetched", () => tab.run("return rig.fetched"), ({ counts }) => counts > before.counts);
      await here.server.addTask("Afterwards");
      await shows(tab, "Afterwards");
      const after = await tab.run("return rig.fetched");
      assert.deepEqual(after, { tasks: before.tasks + 2, counts: before.counts + 1 });
    });

    test("tabs share a connection, and the next leader has one of its own", async () => {
      const tabs = [];
      for (let n = 0; n < 3; n += 1) tabs.push(await open(here));
      assert.equal(await connections(here), 1);
      const roles = [];
      for (const tab of tabs) roles.push((await tab.snapshot()).role);
      const leader = roles.indexOf("leader");
      assert.equal(roles.filter((role) => role === "leader").length, 1, `${roles}`);
      await here.server.addTask("For all");
      for (const tab of tabs) await shows(tab, "For all");
      const [first] = tabs.splice(leader, 1);
      await Promise.all([first.tab.close(), here.server.addTask("Around the change", true)]);
      for (const tab of tabs) await shows(tab, "Around the change");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
      await here.server.addTask("After the change");
      for (const tab of tabs) await shows(tab, "After the change");
    });

    test("a channel is a namespace, and is joined again when the server ends it", async () => {
      const tab = await open(here, { channel: "/admin" });
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
    const here = withServer({ tokens: ["good", "better"] });

    test("one that is refused needs a login, and a new one is a new connection", async () => {
      const tab = await visit(here, { token: "bad" });
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
      const backend = { auth: { app: "planner" }, authenticated: "authenticated" };
      const tab = await visit(here, { token: "good", backend: JSON.stringify(backend) });
      const heard = await eventually("it is heard", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
      assert.deepEqual(heard[0][1].auth, { app: "planner", token: "good" });
    });
  });

  describe(`a server with ${library} that asks for signs of life, in ${engine()}`, () => {
    const here = withServer({ pingMs: PING_MS, timeoutMs: TIMEOUT_MS });

    test("it gets them, and one that does not ask any more is left", async () => {
      const tab = await open(here);
      const { dials, frames } = (await tab.snapshot()).counters;
      await eventually("it asked often", () => tab.snapshot(), ({ counters }) => counters.frames >= frames + 5);
      assert.equal((await tab.snapshot()).counters.dials, dials);
      here.proxy.break({ deaf: true });
      await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
      here.proxy.heal();
      here.proxy.cut();
      await here.server.addTask("After the silence");
      await shows(tab, "After the silence");
      await eventually("one connection is open", () => connections(here), (open) => open === 1);
    });
  });
}

describe(`a server with socket.io that keeps what is missed, in ${engine()}`, () => {
  const here = stage({
    own: true,
    pages: rigFolder,
    proxy: true,
    start: (www) => SocketIoServer.start("socket.io", www, { recovery: true }),
  });

  test("a connection that is lost is taken up where it was, and costs nothing", async () => {
    const tab = await open(here);
    await eventually("there is a mark", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
    for (const title of ["While it is away", "While it is away again"]) {
      const before = await tab.run("return rig.fetched");
      here.proxy.break({ refuse: true });
      here.proxy.cut();
      await eventually("the server notices", () => connections(here), (open) => open === 0);
      await here.server.addTask(title);
      here.proxy.heal();
      await shows(tab, title);
      const after = await tab.run("return rig.fetched");
      // The event told of one query, and nothing else was missed.
      assert.deepEqual(after, { tasks: before.tasks + 1, counts: before.counts });
    }
    const recovered = (await heardOf(tab, "authenticated")).map(([, { recovered }]) => recovered);
    assert.deepEqual(recovered, [false, true, true]);
    const titles = (await heardOf(tab, "task_created")).map(([, { title }]) => title);
    assert.deepEqual(titles, ["While it is away", "While it is away again"]);
  });

  test("one that cannot be taken up is a gap", async () => {
    const tab = await open(here);
    await eventually("there is a mark", () => heardOf(tab, "authenticated"), (heard) => heard.length === 1);
    const before = await tab.run("return rig.fetched");
    await here.server.kill();
    await here.server.restart();
    await eventually("all is fetched", () => tab.run("return rig.fetched"), ({ tasks, counts }) => tasks > before.tasks && counts > before.counts);
    await tab.untilStatus("connected");
  });
});

function visit(here, more = {}) {
  return Rig.open(here.browser, here.proxy, "ann", more, "socketio.html");
}

/** A tab that is connected, and has caught up with what it may have missed before it was. */
async function open(here, more) {
  const tab = await visit(here, more);
  await tab.untilStatus("connected");
  await eventually(
    "all is fetched anew",
    () => tab.run("return { ...rig.fetched, busy: rig.fetching() }"),
    ({ tasks, counts, busy }) => tasks >= 2 && counts >= 2 && !busy,
  );
  return tab;
}

/** Channel and payload of the events of a name. */
async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}
