// A page that has two backends at a time and polls besides: a server of Socket.IO, and the feed of its database, which speaks
// as Supabase Realtime does. Any two of the three may be lost.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { backendStage, fetched, open, shows } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { PhoenixServer } from "./lib/phoenix.mjs";
import { SocketIoServer } from "./lib/socketio.mjs";

// Without its way by requests, so that it is away when its sockets are.
const BACKEND = { kind: "socketio", url: "/", ladder: ["ws"] };

// The page of the demo has them in every engine (`backends.test.mjs`).
describe(`three layers, in ${engine()}`, onceIsEnough(), () => {
  let feed;
  beforeEach(async () => (feed = await PhoenixServer.start("/nowhere", {})));
  afterEach(() => feed?.stop());
  const here = backendStage((www) => SocketIoServer.start("socket.io", www, { feed: feed.url, pingMs: 1000, timeoutMs: 1000 }));

  const opened = async () => {
    const changes = [{ table: "tasks", filter: "project_id=eq.{id}" }];
    const backend = { kind: "supabase", url: feed.url, apikey: "anon", channels: { "tasks:{id}": { changes } } };
    const layers = JSON.stringify({ feed: { backend, channels: ["tasks:p1"] } });
    const contracts = JSON.stringify({ tasks: { key: ["tasks"], poll: "auto" } });
    const tab = await open(here, BACKEND, { layers, contracts }, (tab) => untilLayers(tab, "connected", "connected"));
    // Each backend makes up for what it may have missed before it was there, within two seconds.
    let seen;
    let since = Date.now();
    await eventually("both have caught up", async () => {
      const now = (await fetched(tab)).tasks;
      if (now !== seen) [seen, since] = [now, Date.now()];
      return Date.now() - since > 2500;
    });
    return tab;
  };

  const stand = async (tab) => (await tab.snapshot()).layers.map(({ status }) => status);
  async function untilLayers(tab, ...wanted) {
    await eventually(`the layers are ${wanted}`, () => stand(tab), (seen) => wanted.every((word, at) => word === "down" ? !["connected", "silent"].includes(seen[at]) : seen[at] === word));
  }
  const loseOwn = () => {
    here.proxy.break({ sockets: "reset" });
    here.proxy.cut();
  };

  test("a change that both tell of is fetched once", async () => {
    const tab = await opened();
    const before = { ...(await fetched(tab)), repeats: (await tab.snapshot()).counters.repeats };
    await here.server.addTask("Told twice");
    await shows(tab, "Told twice");
    await eventually("it was heard twice", () => tab.snapshot(), ({ counters }) => counters.repeats === before.repeats + 1);
    await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
    assert.equal((await fetched(tab)).tasks, before.tasks + 1);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("any two of the three may be lost", async () => {
    const tab = await opened();
    loseOwn();
    await untilLayers(tab, "down", "connected");
    const { status, reason } = await tab.snapshot();
    assert.equal(status, "degraded");
    assert.match(reason, /^changes come by feed; socketio: /);
    await here.server.addTask("By the feed");
    await shows(tab, "By the feed");

    await feed.kill();
    await untilLayers(tab, "down", "down");
    await here.server.addTask("By a look");
    await shows(tab, "By a look");

    here.proxy.heal();
    await tab.run("rig.live.reconnect()");
    await untilLayers(tab, "connected", "down");
    assert.equal((await tab.snapshot()).status, "connected");
    await here.server.addTask("By the first");
    await shows(tab, "By the first");

    await feed.restart();
    await tab.run("rig.live.reconnect()");
    await untilLayers(tab, "connected", "connected");
    loseOwn();
    await untilLayers(tab, "down", "connected");
    await here.server.addTask("By the feed again");
    await shows(tab, "By the feed again");
  });

  test("one that is connected and says nothing is noticed, and taken back when it speaks", async () => {
    const tab = await opened();
    await here.server.addTask("By both");
    await shows(tab, "By both");
    await here.server.send("POST", "/demo/mute", { mute: true });
    for (const title of ["By one", "By one again"]) {
      await here.server.addTask(title);
      await shows(tab, title);
    }
    await untilLayers(tab, "silent", "connected");
    assert.match((await tab.snapshot()).reason, /^changes come by feed; socketio: another one told/);
    await here.server.send("POST", "/demo/mute", { mute: false });
    await here.server.addTask("By both again");
    await shows(tab, "By both again");
    await untilLayers(tab, "connected", "connected");
    assert.equal((await tab.snapshot()).status, "connected");
  });

  test("tabs share both connections", async () => {
    const tabs = [await opened(), await opened()];
    await here.server.addTask("For all");
    for (const tab of tabs) await shows(tab, "For all");
    const open = async () => (await here.server.stats()).sockets_open + (await feed.stats()).sockets_open;
    assert.equal(await open(), 2);
    const [first] = tabs.splice((await tabs[0].snapshot()).role === "leader" ? 0 : 1, 1);
    await first.tab.close();
    await here.server.addTask("To who is left");
    await shows(tabs[0], "To who is left");
    await eventually("two connections are open", open, (count) => count === 2);
  });
});
