// A page whose server speaks Phoenix, or that has a project of Supabase. The server is ours (`phoenix/server.mjs`
// says why), so the official clients are run against it too, and what they say is what the page says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RealtimeClient } from "@supabase/realtime-js";
import { Socket } from "phoenix";
import { WebSocket } from "ws";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { PhoenixServer } from "./lib/phoenix.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { connections, stage } from "./lib/stage.mjs";

const TASKS = { table: "tasks", filter: "project_id=eq.{id}" };
/** What the page is told of its backend, the channel in which tasks are told, and its name for the server. */
const BACKENDS = {
  "Phoenix, version 2": [{ kind: "phoenix", url: "/socket" }, "room:tasks", "room:tasks"],
  "Phoenix, version 1": [{ kind: "phoenix", url: "/socket", vsn: "1.0.0" }, "room:tasks", "room:tasks"],
  Supabase: [{ kind: "supabase", url: "/", apikey: "anon", channels: { "tasks:{id}": { changes: [TASKS] } } }, "tasks:p1", "realtime:tasks:p1"],
};
const withServer = (wanted) =>
  stage({ own: true, pages: rigFolder, proxy: true, start: (www) => PhoenixServer.start(www, wanted) });

for (const [name, [backend, channel, topic]] of Object.entries(BACKENDS)) {
  describe(`a server of ${name}, in ${engine()}`, () => {
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

describe(`a server of Phoenix that wants a token, in ${engine()}`, () => {
  const here = withServer({ tokens: ["good", "better"] });
  const [backend, channel] = BACKENDS["Phoenix, version 2"];

  test("one in the address that is refused looks like a server that is away, and a login helps", async () => {
    const tab = await visit(here, backend, channel, { token: "bad" });
    await eventually("it is dialled again", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
    assert.equal((await here.server.stats()).connects, 0);
    await tab.run("rig.logIn('good')");
    await tab.untilStatus("connected");
    await here.server.addTask("Known");
    await shows(tab, "Known");
  });

  test("one in the join that is refused needs a login", async () => {
    const joins = { ...backend, token: { join: "token" }, join: { app: "planner" } };
    const tab = await visit(here, joins, channel, { token: "bad" });
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is joined", () => tab.snapshot(), isSubscribed);
    const { said } = await here.server.does("said");
    const join = said.map(({ text }) => text ?? "").findLast((text) => text.includes("phx_join"));
    assert.deepEqual(JSON.parse(join).at(4), { app: "planner", token: "good" });
  });

  test("bytes are told as base64, and what is refused for good is told of", async () => {
    const tab = await opened(here, backend, channel, { token: "good" });
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

describe(`a project of Supabase, in ${engine()}`, () => {
  const here = withServer({ tokens: ["good", "better"] });
  const [backend, channel, topic] = BACKENDS.Supabase;
  const open = () => opened(here, backend, channel, { token: "good" });

  test("a change has its row, and one of another project is not told", async () => {
    const tab = await open();
    const row = { id: 7, project_id: "p1" };
    await here.server.does("change", { type: "INSERT", table: "tasks", record: { id: 8, project_id: "p2" } });
    await here.server.does("change", { type: "DELETE", table: "tasks", old_record: row });
    const heard = await eventually("it is heard", () => heardOf(tab, "postgres:DELETE:public.tasks"), ({ length }) => length === 1);
    assert.deepEqual([heard[0][0], heard[0][1].old_record], [channel, row]);
    assert.deepEqual(await heardOf(tab, "postgres:INSERT:public.tasks"), []);
  });

  test("a new token is given on the connection that goes on, and one that ended is asked for anew", async () => {
    const tab = await open();
    await tab.run("rig.logIn('better')");
    const said = async () => (await here.server.does("said")).said.map(({ text }) => text ?? "");
    await eventually("it is given", said, (all) => all.some((text) => text.includes('"access_token",{"access_token":"better"}')));
    await here.server.addTask("Known");
    await shows(tab, "Known");
    assert.equal((await tab.snapshot()).counters.dials, 1);
    await tab.run("rig.logIn('bad')");
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is joined again", () => tab.snapshot(), isSubscribed);
  });

  test("changes that are refused for good are told of, and the connection stays", async () => {
    const tab = await open();
    const message = "Unable to subscribe to changes with given parameters";
    await here.server.does("refuse", { topic: "realtime:none", reason: "Unauthorized: You do not have permissions" });
    await tab.run("rig.live.channel('none')");
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => /forbidden: Unauthorized/.test(seen.join()));
    await here.server.does("system", { topic, extension: "postgres_changes", status: "error", message });
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => seen.join().includes(message));
    await eventually("it is joined again", () => tab.snapshot(), ({ channels }) => channels.some((one) => one.channel === channel && one.state === "subscribed"));
    assert.equal((await tab.snapshot()).status, "connected");
  });
});

describe(`what the official clients say, and what the page says, in ${engine()}`, () => {
  const here = withServer({});

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

  test("realtime-js", async () => {
    const url = `${here.server.url.replace("http", "ws")}/realtime/v1`;
    const client = new RealtimeClient(url, { transport: WebSocket, params: { apikey: "anon" }, heartbeatIntervalMs: 200 });
    // Before the first join, or it goes without.
    await client.setAuth("jwt");
    const channel = client.channel("tasks:p1", { config: { private: true, broadcast: { self: true, ack: false } } });
    channel.on("postgres_changes", { event: "*", schema: "public", table: "tasks", filter: "project_id=eq.p1" }, () => {});
    const joined = deferred();
    channel.subscribe((status) => status === "SUBSCRIBED" && joined.resolve());
    await joined.promise;
    await eventually("it asks", () => here.server.does("said"), ({ said }) => said.some(({ text }) => text.includes("heartbeat")));
    await client.setAuth("jwt-2");
    await client.removeChannel(channel);
    await client.disconnect();
    const theirs = await took(here);
    const how = { private: true, broadcast: { self: true, ack: false }, changes: [TASKS] };
    const backend = { kind: "supabase", url: "/", apikey: "anon", channels: { "tasks:{id}": how } };
    await assertSame(here, theirs, backend, "tasks:p1", { token: "jwt" }, "jwt-2");
  });
});

/** Each kind of frame once, without its numbers, and the address that was dialled. */
async function took({ server }) {
  const { dialled, said } = await server.does("said");
  const frames = new Map();
  for (const { text } of said) {
    const [join, ref, topic, event, payload] = JSON.parse(text);
    frames.set(event, JSON.stringify([join && "J", ref && "R", topic, event, payload]));
  }
  return { address: dialled.at(-1), frames: Object.fromEntries([...frames].sort()) };
}

/** The page says the same, on a server that has heard nobody else. */
async function assertSame(here, theirs, backend, channel, more, next) {
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

function deferred() {
  const out = {};
  out.promise = new Promise((resolve) => (out.resolve = resolve));
  return out;
}

const isSubscribed = ({ channels }) => channels.length > 0 && channels.every(({ state }) => state === "subscribed");

function visit(here, backend, channel, more = {}) {
  const channels = channel === "" ? {} : { channel };
  return Rig.open(here.browser, here.proxy, "ann", { backend: JSON.stringify(backend), ...channels, ...more }, "phoenix.html");
}

/** A tab that is connected, and has caught up with what it may have missed before it was. */
async function opened(here, backend, channel, more) {
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
async function heardOf(tab, name) {
  const heard = await tab.run("return rig.heard");
  return heard.filter(([event]) => event === name).map(([, ...rest]) => rest);
}

async function shows(tab, title) {
  await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
  await eventually("nothing is fetched", () => tab.fetching(), (fetching) => !fetching);
}
