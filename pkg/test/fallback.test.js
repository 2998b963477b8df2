// Fault 58: a page whose policy forbids WebAssembly. The app runs on with the same API, by polling, and is told why.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { clock, closeAll, create } from "./support/page.js";

// As a Content-Security-Policy without 'wasm-unsafe-eval' does it.
WebAssembly.Module = class {
  constructor() {
    throw new WebAssembly.CompileError("blocked by CSP");
  }
};

afterEach(() => {
  closeAll();
  document.visibilityState = "visible";
  navigator.onLine = true;
});

async function fallback(options) {
  const live = await create(options);
  await live.ready;
  await clock.settle();
  return live;
}

/** What becomes stale, as key texts with the reason. */
function stale(live) {
  const told = [];
  live.onInvalidate((all) => {
    for (const { keys, cause } of all) told.push(`${cause.why} ${JSON.stringify(keys)}`);
  });
  return told;
}

function look(state) {
  document.visibilityState = state;
  document.dispatchEvent(new Event("visibilitychange"));
}

test("it says that it only polls, and why", async () => {
  const live = await fallback({ channels: ["tasks"] });
  const { status, reason, role, alone, tab, channels } = live.getSnapshot();
  assert.deepEqual([status, role, alone], ["degraded", "alone", "fallback"]);
  assert.match(reason, /Content-Security-Policy/);
  assert.match(tab, /^[0-9a-f]{16}$/);
  assert.deepEqual(channels, [{ channel: "tasks", state: "waiting" }]);
  assert.deepEqual(live.faults.map(({ code }) => code), ["wasm-blocked"]);
  const leave = live.channel("more");
  await clock.settle();
  assert.equal(live.getSnapshot().channels.length, 2);
  leave();
  await clock.settle();
  assert.equal(live.getSnapshot().channels.length, 1);
  assert.equal(live.explain(["x"]), undefined);
  assert.deepEqual(live.diagnostics().journal, { dropped: 0, entries: [] });
});

test("an app that wants nothing of the kind has an instance without life", async () => {
  const live = await create({ fallback: "none" });
  await assert.rejects(live.ready, { code: "wasm-blocked" });
  assert.equal(live.getSnapshot().status, "failed");
  await assert.rejects(live.queue.list(), { code: "wasm-blocked" });
  const told = stale(live);
  live.invalidate(["tasks"]);
  assert.deepEqual(told, ['app [["tasks"]]'], "what the app says is stale is stale all the same");
});

test("what events would have told of is polled while somebody sees the page", async () => {
  const live = await fallback({ events: { task_updated: ["tasks", ["board", "$.board", 5]], moved: { keys: ["moves"] } } });
  const told = stale(live);
  await clock.advance(95_000);
  assert.deepEqual(told, Array(3).fill('poll [["tasks"],["board"],["moves"]]'));
  look("hidden");
  await clock.advance(600_000);
  assert.equal(told.length, 3);
  look("visible");
  assert.equal(told.length, 3);
  await clock.settle();
  assert.equal(told.length, 4, "at once when somebody looks again");
  navigator.onLine = false;
  await clock.advance(600_000);
  assert.equal(told.length, 4);
  navigator.onLine = true;
  dispatchEvent(new Event("online"));
  await clock.settle();
  assert.equal(told.length, 5);
});

test("contracts are polled at their own pace, while they are watched and on", async () => {
  const live = await fallback({
    contracts: {
      planner: { key: "planner", maxAge: 10_000 },
      timer: { key: "timer", poll: 30_000, hidden: "continue", enabled: false },
      auto: { key: "auto", poll: "auto" },
      pace: { key: "pace", poll: { down: 7000 } },
      off: { key: "off", poll: false },
      manual: { key: "manual", manual: true },
    },
  });
  const told = stale(live);
  await clock.advance(60_000);
  assert.deepEqual(told, [], "nobody looks");
  const leave = live.contracts.watch("planner");
  await clock.advance(25_000);
  assert.deepEqual([told.length, told[0]], [3, 'poll [["planner"]]']);
  leave();
  await clock.settle();
  told.length = 0;
  live.contracts.watch("timer");
  live.contracts.enable("timer");
  look("hidden");
  await clock.advance(61_000);
  assert.deepEqual([...new Set(told)], ['poll [["timer"]]']);
  live.contracts.disable("timer");
  look("visible");
  told.length = 0;
  for (const name of ["auto", "pace", "off", "manual"]) live.contracts.watch(name);
  await clock.advance(36_000);
  const counts = (name) => told.filter((text) => text === `poll [["${name}"]]`).length;
  assert.ok(counts("auto") >= 7 && counts("auto") <= 8, String(counts("auto")));
  assert.ok(counts("pace") >= 5 && counts("pace") <= 6, String(counts("pace")));
  assert.equal(told.some((text) => /off|manual|timer/.test(text)), false);
  live.contracts.refresh("manual");
  await clock.settle();
  assert.equal(told.at(-1), 'asked [["manual"]]');
  live.contracts.refresh("nobody");
  await clock.settle();
  assert.equal(live.faults.at(-1).code, "limit");
});

test("a query of a contract's family that is on the screen is reason enough to poll", async () => {
  const live = await fallback({ contracts: { planner: { key: "planner", maxAge: 10_000 } } });
  const told = stale(live);
  const nothing = () => {};
  const cache = { invalidate: nothing, refetch: nothing, stale: nothing, opened: nothing, clear: nothing, show: nothing, settle: nothing };
  const connection = live.adapt(cache);
  connection.report(["planner", 5], { phase: "observe", active: true });
  await clock.advance(11_000);
  assert.ok(told.length >= 1);
  connection.report(["planner", 5], { phase: "remove" });
  told.length = 0;
  await clock.advance(60_000);
  assert.deepEqual(told, []);
});

test("mutations are done while the page is open, in the order of their lanes", async () => {
  const runs = [];
  const run = (vars, context) => new Promise((resolve, reject) => runs.push({ vars, context, resolve, reject }));
  const live = await fallback({ mutations: { move: { run, lane: (v) => v.lane, invalidates: ["tasks"] } } });
  const told = stale(live);
  const [first, second, other] = [["a", 1], ["a", 2], ["b", 3]].map(([lane, n]) => live.mutate("move", { lane, n }));
  assert.equal((await first.accepted).durable, false);
  await clock.settle();
  assert.deepEqual(runs.map(({ vars }) => vars.n), [1, 3]);
  assert.equal(live.getSnapshot().queue.count, 3);
  // What passes is tried again under the same key; what does not ends it.
  runs[0].reject(new TypeError("failed to fetch"));
  await clock.advance(5000);
  assert.equal(runs[2].context.idempotencyKey, runs[0].context.idempotencyKey);
  runs[2].resolve("one");
  assert.equal(await first, "one");
  await clock.settle();
  assert.deepEqual(told, ['app [["tasks"]]']);
  runs[1].reject(Object.assign(new Error(), { status: 422, body: "no" }));
  await assert.rejects(other, { code: "mutation-rejected", status: 422, body: "no" });
  runs[3].reject(Object.assign(new Error(), { status: 401 }));
  await clock.advance(60_000);
  assert.equal(runs.length, 4, "not before there is a login");
  live.setToken("t");
  await clock.advance(10);
  runs[4].resolve("two");
  assert.equal(await second, "two");
  assert.equal((await live.queue.list()).items.length, 0);
});

test("the queue can be looked at and emptied by hand", async () => {
  const run = () => Promise.reject(Object.assign(new Error(), { status: 503, headers: { "retry-after": "600" } }));
  const live = await fallback({ mutations: { move: { run } } });
  const one = live.mutate("move", 1);
  const { id } = await one.accepted;
  await clock.advance(100);
  const [item] = (await live.queue.list()).items;
  assert.deepEqual([item.id, item.state, item.vars, item.attempts], [id, "waiting", 1, 1]);
  await live.queue.flush();
  await clock.advance(100);
  assert.equal((await live.queue.list()).items[0].attempts, 2);
  await live.queue.discard(id);
  await assert.rejects(one, { code: "mutation-discarded" });
  await assert.rejects(live.queue.discard(id), { code: "queue-not-there" });
  await assert.rejects(live.queue.export(), { code: "queue-bad" });
  const gone = live.mutate("move", 2);
  await gone.accepted;
  live.setUser("u2");
  await assert.rejects(gone, { code: "mutation-detached" });
});

test("closed it leaves nothing behind", async () => {
  const live = await fallback({ events: { e: ["a"] }, mutations: { move: { run: () => Promise.reject(new TypeError()) } } });
  live.mutate("move", 1).catch(() => {});
  await clock.advance(100);
  live.close();
  await clock.advance(1);
  assert.equal(clock.waiting, 0);
});
