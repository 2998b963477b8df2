// An instance on a page, with the real engine and a model server: what is told, to whom, and when it ends.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createEverfresh, EverfreshError } from "../dist/index.js";
import { clock, closeAll, connect, create, server } from "./support/page.js";

afterEach(closeAll);

/** What a listener was called with. */
function ear() {
  const heard = [];
  return Object.assign((...args) => void heard.push(args), { heard });
}

test("the snapshot is one frozen object until something changes, and keeps the parts that did not", async () => {
  const live = await connect({ channels: ["tasks"], contracts: { tasks: { key: "tasks", maxAge: 60_000 } } });
  const before = live.getSnapshot();
  assert.equal(live.getSnapshot(), before);
  assert.ok(Object.isFrozen(before) && Object.isFrozen(before.channels[0]) && Object.isFrozen(before.queue));
  const changed = ear();
  const stop = live.subscribe(changed);
  server.publish("tasks", "anything");
  await clock.advance(2000);
  const next = live.getSnapshot();
  assert.notEqual(next, before);
  assert.ok(changed.heard.length > 0);
  assert.notEqual(next.channels, before.channels);
  assert.equal(next.queue, before.queue);
  assert.equal(next.freshness, before.freshness);
  assert.notEqual(next.counters, before.counters);
  stop();
  const told = changed.heard.length;
  server.publish("tasks", "anything");
  await clock.advance(2000);
  assert.equal(changed.heard.length, told);
});

test("an event reaches its listeners with its data, and nobody after they have left", async () => {
  const live = await connect({ channels: ["tasks"] });
  const one = ear();
  const other = ear();
  const controller = new AbortController();
  live.on("task_updated", one, { signal: controller.signal });
  const stop = live.on("task_updated", other);
  live.on("another", () => assert.fail("another event"));
  await clock.settle();
  server.publish("tasks", "task_updated", { id: 7 }, "c1");
  await clock.advance(10);
  const [[data, event]] = one.heard;
  assert.deepEqual(data, { id: 7 });
  assert.deepEqual([event.name, event.channel, event.by, typeof event.at], ["task_updated", "tasks", "c1", "number"]);
  assert.equal(other.heard[0][1], event);
  controller.abort();
  stop();
  server.publish("tasks", "task_updated", { id: 8 });
  await clock.advance(10);
  assert.deepEqual([one.heard.length, other.heard.length], [1, 1]);
});

test("channels are followed while somebody wants them, and calls made early are kept", async () => {
  const live = await create();
  const leave = live.channel("project:1");
  live.channel("project:1");
  live.channel("project:2", { signal: AbortSignal.abort() });
  const names = () => live.getSnapshot().channels.map(({ channel }) => channel);
  await live.ready;
  await clock.advance(3000);
  assert.deepEqual(names(), ["project:1"]);
  leave();
  leave();
  await clock.advance(10);
  assert.deepEqual(names(), ["project:1"], "one is left who wants it");
});

test("a function of the app that throws is reported, and ends nothing", async () => {
  const live = await connect({
    channels: ["tasks"],
    events: {
      bad: () => {
        throw new Error("mine");
      },
      worse: () => "tasks",
      good: ["tasks"],
    },
  });
  const stale = ear();
  live.onInvalidate(() => {
    throw new Error("mine too");
  });
  live.onInvalidate(stale);
  for (const name of ["bad", "worse", "good"]) server.publish("tasks", name);
  await clock.advance(10);
  assert.deepEqual(
    live.faults.map(({ code, error }) => [code, error.path]),
    [
      ["route-threw", "events.bad"],
      ["route-invalid", "events.worse"],
      ["listener-threw", undefined],
    ],
  );
  assert.equal(live.faults[0].error.cause.message, "mine");
  assert.equal(stale.heard.length, 1);
});

test("a fault that nobody listens for is shown as an uncaught error is", async (t) => {
  globalThis.reportError = t.mock.fn();
  t.after(() => delete globalThis.reportError);
  const live = createEverfresh({ name: "unheard", user: "", backend: { kind: "everfresh", url: "/" } });
  await assert.rejects(live.ready, { code: "option-invalid" });
  live.close();
  const [[reported]] = reportError.mock.calls.map((call) => call.arguments);
  assert.ok(reported instanceof EverfreshError);
  assert.equal(reported.path, "user");
});

test("events go to the window too, under the names that the app gave them", async () => {
  const live = await connect({ channels: ["tasks"], domEvents: { "task-update": true, "task-new": "my:task" } });
  const heard = [];
  const listener = ({ type, detail }) => heard.push([type, detail.name, detail.data]);
  addEventListener("realtime:task-update", listener);
  addEventListener("my:task", listener);
  server.publish("tasks", "task-update", { id: 1 });
  server.publish("tasks", "task-new", { id: 2 });
  await clock.advance(10);
  assert.deepEqual(heard, [
    ["realtime:task-update", "task-update", { id: 1 }],
    ["my:task", "task-new", { id: 2 }],
  ]);
  live.close();
  server.publish("tasks", "task-update", { id: 3 });
  await clock.advance(10);
  assert.equal(heard.length, 2);
  removeEventListener("realtime:task-update", listener);
  removeEventListener("my:task", listener);
});

test("contracts: watched, turned off and on, asked for", async () => {
  const live = await connect({ contracts: { planner: { key: "planner", maxAge: 30_000, poll: 30_000 } } });
  const stale = ear();
  live.onInvalidate(([{ keys, cause }]) => stale(JSON.stringify(keys), cause.contract, cause.why));
  const state = () => live.getSnapshot().freshness[0].state;
  assert.equal(state(), "unwatched");
  const leave = live.contracts.watch("planner");
  await clock.advance(31_000);
  assert.ok(stale.heard.length >= 1, "it is polled");
  assert.deepEqual(stale.heard[0].slice(0, 2), ['[["planner"]]', "planner"]);
  live.contracts.disable("planner");
  await clock.advance(10);
  assert.equal(state(), "disabled");
  const polls = stale.heard.length;
  await clock.advance(120_000);
  assert.equal(stale.heard.length, polls, "not while it is off");
  live.contracts.enable("planner");
  await clock.advance(60_000);
  assert.ok(stale.heard.length > polls);
  leave();
  await clock.advance(10);
  assert.equal(state(), "unwatched");
  live.contracts.refresh("planer");
  await clock.advance(10);
  assert.deepEqual(live.faults.map(({ code }) => code), ["limit"], "there is no such contract");
});

test("a contract that is broken is told with its cause", async () => {
  const live = await connect({ contracts: { planner: { key: "planner", maxAge: 30_000 } } });
  const broken = ear();
  live.onViolation(broken);
  live.contracts.watch("planner");
  // An adapter that shows data, and never fetches it.
  const connection = live.adapt(adapter());
  await clock.settle();
  connection.report(["planner"], { phase: "observe", active: true, age: 0 });
  await clock.advance(300_000);
  assert.ok(broken.heard.length > 0);
  const [{ contract, cause, window }] = broken.heard[0];
  assert.deepEqual([contract, window, typeof cause], ["planner", 30_000, "string"]);
});

/** A cache that writes down what it is told. */
function adapter() {
  const told = [];
  const note = (name) => (...args) => void told.push([name, ...args]);
  return {
    told,
    invalidate: note("invalidate"),
    refetch: note("refetch"),
    stale: note("stale"),
    opened: note("opened"),
    clear: note("clear"),
    show: note("show"),
    settle: note("settle"),
  };
}

test("the engine looks after the queries of the first cache, and of the next when that one leaves", async () => {
  const live = await connect({ channels: ["tasks"], events: { task_updated: ["tasks"] } });
  const [first, second] = [adapter(), adapter()];
  const one = live.adapt(first);
  const two = live.adapt(second);
  await clock.settle();
  assert.deepEqual([first.told, second.told], [[["opened"]], [["opened"]]]);
  assert.equal(one.report(["tasks", 1], { phase: "observe", active: true }), true);
  assert.equal(two.report(["tasks", 2], { phase: "observe", active: true }), false);
  server.publish("tasks", "task_updated");
  await clock.advance(10);
  assert.deepEqual(first.told.slice(1).map(([name, what, handled]) => [name, JSON.stringify(name === "invalidate" ? what[0].keys : what), handled]), [
    ["invalidate", '[["tasks"]]', true],
    ["refetch", '[["tasks",1]]', undefined],
  ]);
  assert.deepEqual(second.told.slice(1).map(([name, , handled]) => [name, handled]), [["invalidate", false]]);
  one.end();
  one.end();
  assert.deepEqual(second.told.at(-1), ["opened"]);
  assert.equal(two.report(["tasks", 2], { phase: "observe", active: true }), true);
});

test("a token is asked for with the reason, and given in the greeting", async () => {
  const asked = [];
  server.hellos.length = 0;
  const live = await connect({
    getToken: ({ reason, signal }) => {
      asked.push([reason, signal.aborted]);
      return Promise.resolve("T1");
    },
  });
  assert.equal(asked.length, 1);
  assert.equal(asked[0][1], false);
  assert.equal(server.hellos.at(-1).token, "T1");
  live.setToken("T2");
  server.cut();
  await clock.advance(30_000);
  assert.equal(live.getSnapshot().status, "connected");
  assert.equal(server.hellos.at(-1).token, "T2");
});

test("a token function that throws is reported and asked again; one that needs a login waits for it", async () => {
  let broken = true;
  const live = await create({
    getToken: async () => {
      if (broken) throw new Error("no network");
      throw new EverfreshError("needs-login", "log in first");
    },
  });
  await live.ready;
  await clock.advance(100);
  assert.equal(live.faults.at(-1).error.cause.message, "no network");
  broken = false;
  await clock.advance(120_000);
  assert.equal(live.getSnapshot().status, "needs-auth");
  const faults = live.faults.length;
  live.setToken("T3");
  await clock.advance(5000);
  assert.equal(live.getSnapshot().status, "connected");
  assert.equal(live.faults.length, faults, "that there is nobody is no fault");
});

test("a token function that fails for as long as the network is away is told of once", async () => {
  let message = "no network";
  let calls = 0;
  const live = await create({
    getToken: async () => {
      calls += 1;
      if (message) throw new Error(message);
      return "T1";
    },
  });
  await live.ready;
  const told = () => live.faults.filter(({ code }) => code === "listener-threw").map(({ error }) => error.cause.message);
  await clock.advance(60_000);
  assert.ok(calls > 2);
  assert.deepEqual(told(), ["no network"]);
  message = "not JSON";
  await clock.advance(180_000);
  assert.deepEqual(told(), ["no network", "not JSON"]);
  message = undefined;
  await clock.advance(180_000);
  assert.equal(live.getSnapshot().status, "connected");
  // The next outage is told of again.
  message = "not JSON";
  server.cut(4401, "unauthorized");
  await clock.advance(30_000);
  assert.deepEqual(told(), ["no network", "not JSON", "not JSON"]);
});

test("another user: what is cached is dropped, and told", async () => {
  const live = await connect({ channels: ["tasks"] });
  const changes = ear();
  live.onUser(changes);
  const cache = adapter();
  live.adapt(cache);
  await clock.settle();
  live.setUser("u2");
  await clock.advance(10);
  assert.deepEqual(changes.heard, [["switched"]]);
  assert.deepEqual(cache.told.filter(([name]) => name === "clear"), [["clear", true]]);
  assert.throws(() => live.setUser(""), { code: "option-invalid", path: "user" });
});

test("another user before the engine runs is the one it starts with", async () => {
  const live = await create();
  const changes = ear();
  live.onUser(changes);
  live.setUser("u2");
  assert.deepEqual(changes.heard, [["switched"]]);
  await live.ready;
  await clock.advance(3000);
  assert.equal(live.getSnapshot().status, "connected");
});

test("why a query is as it is, and what was decided", async () => {
  const live = await connect({ channels: ["tasks"], events: { task_updated: ["tasks"] } });
  server.publish("tasks", "task_updated", { title: "secret" });
  await clock.advance(10);
  const why = live.explain(["tasks", 5]);
  assert.deepEqual(why.key, ["tasks", 5]);
  assert.ok(why.chain.some((entry) => entry.what === "new" || JSON.stringify(entry).includes("task_updated")));
  assert.throws(() => live.explain([new Date()]), { code: "option-invalid" });
  const { name, snapshot, journal, history } = live.diagnostics();
  assert.equal(name, live.name);
  assert.equal(snapshot, live.getSnapshot());
  assert.ok(journal.entries.length > 0 && journal.dropped === 0);
  assert.ok(history);
  assert.ok(!JSON.stringify(live.diagnostics()).includes("secret"));
});

test("a run is recorded for whoever looks for a mistake, and nothing secret is in it", async () => {
  const silent = await connect();
  assert.equal(silent.diagnostics().recording, undefined);
  const live = await connect({
    record: true,
    user: "jane@example.com",
    channels: ["tasks", "user:jane@example.com"],
    events: { task_updated: [["tasks", "$.board"]] },
    getToken: async () => "hush-token-0123456789",
    mutations: { rename: { run: async () => ({ title: "hush" }) } },
  });
  server.publish("tasks", "task_updated", { board: "b7", title: "hush", owner: { "hush-name": 1 } });
  await live.mutate("rename", { title: "hush", of: "jane@example.com" });
  await clock.advance(100);
  const { recording, journal } = live.diagnostics();
  assert.match(recording, /^everfresh 1 .*\n\{/);
  for (const seen of ["task_updated", "b7", "rename", '"t":"welcome"']) assert.ok(recording.includes(seen), seen);
  for (const secret of ["hush", "jane"]) {
    assert.ok(!recording.includes(secret), secret);
    assert.ok(!JSON.stringify(journal).includes(secret), secret);
  }
  // Nobody finds what was recorded of the one before.
  live.setUser("bob");
  await clock.advance(100);
  assert.equal(live.diagnostics().recording, "end user\n");
});

test("diagnostics are silent until they are switched on, at run time and by anybody", async (t) => {
  const said = [];
  t.mock.method(console, "debug", (part, text) => said.push([part, text]));
  const live = await connect({ channels: ["tasks"], events: { task_updated: ["tasks"] } });
  server.publish("tasks", "task_updated");
  await clock.advance(10);
  assert.deepEqual(said, []);
  assert.equal(globalThis.__everfresh, undefined);
  dispatchEvent(new CustomEvent("everfresh:debug", { detail: "channels,link" }));
  assert.equal(globalThis.__everfresh[live.name], live);
  server.publish("tasks", "task_updated");
  await clock.advance(10);
  assert.deepEqual([...new Set(said.map(([part]) => part))], ["[everfresh:channels]"]);
  live.log([]);
  said.length = 0;
  server.publish("tasks", "task_updated");
  await clock.advance(10);
  assert.deepEqual(said, []);
  live.close();
  assert.equal(globalThis.__everfresh[live.name], undefined);
});

test("diagnostics that are switched on in the storage begin with the page", async (t) => {
  const said = [];
  t.mock.method(console, "debug", (part) => said.push(part));
  localStorage.setItem("everfresh:debug", "link");
  const live = await connect();
  assert.ok(said.includes("[everfresh:link]"));
  assert.equal(globalThis.__everfresh[live.name], live);
});

test("one name is one instance, which takes over the functions of the last call", async () => {
  const options = (route) => ({ name: "same", user: null, backend: { kind: "everfresh", url: "/live" }, channels: ["a"], events: { e: route } });
  const live = await connect(options(() => [["first"]]));
  assert.equal(createEverfresh(options(() => [["second"]])), live);
  assert.throws(() => createEverfresh({ ...options(() => []), user: "u" }), { code: "name-in-use" });
  const stale = ear();
  live.onInvalidate(stale);
  server.publish("a", "e");
  await clock.advance(10);
  assert.deepEqual(stale.heard[0][0][0].keys, [["second"]]);
  live.close();
  const next = createEverfresh({ ...options(() => []), user: "u" });
  assert.notEqual(next, live);
  next.close();
});

test("closed it is silent, and leaves nothing on the page", async () => {
  const live = await connect({ channels: ["tasks"] });
  const changes = ear();
  live.subscribe(changes);
  assert.equal(server.sockets.size, 1);
  let during;
  live.subscribe(() => (during = live.getSnapshot().status));
  live.close();
  live.close();
  assert.equal(during, "closed");
  assert.equal(server.sockets.size, 0);
  await clock.settle();
  assert.equal(clock.waiting, 0, "no timer is left");
  live.invalidate(["a"]);
  live.reconnect();
  live.setUser("x");
  live.channel("a")();
  assert.equal(live.explain(["a"]), undefined);
  await assert.rejects(live.mutate("x", 1), { code: "closed" });
  await assert.rejects(live.queue.list(), { code: "closed" });
});

test("a signal closes it, also before it began; so does a callback of its own", async () => {
  const controller = new AbortController();
  const live = await connect({ signal: controller.signal });
  controller.abort();
  assert.equal(live.getSnapshot().status, "closed");
  const stillborn = await create({ signal: AbortSignal.abort() });
  assert.equal(stillborn.getSnapshot().status, "closed");
  await assert.rejects(stillborn.ready, { code: "closed" });

  const other = await connect({ channels: ["tasks"] });
  other.on("end", () => other.close());
  await clock.settle();
  server.publish("tasks", "end");
  server.publish("tasks", "more");
  await clock.advance(10);
  assert.equal(other.getSnapshot().status, "closed");
  await clock.settle();
  assert.equal(clock.waiting, 0);
});
