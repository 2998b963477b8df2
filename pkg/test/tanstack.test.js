// `attach` against the real query-core. The instance is a list of listeners: what an instance does
// with events is tested with the engine, what becomes of its answers here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { notifyManager, QueryClient, QueryObserver } from "@tanstack/query-core";
import { attach } from "../dist/tanstack.js";
import { Listeners } from "../dist/listeners.js";

// By default query-core notifies in a timer of its own, which would run whenever it likes, in another test too.
notifyManager.setScheduler(queueMicrotask);

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A world of one value on a server, queries that read it, and an instance that says when it changed. */
function world() {
  const server = { value: 0, requests: 0, answers: [] };
  const invalidations = new Listeners(assert.ifError);
  const live = { onInvalidate: (listener, options) => invalidations.add(listener, options) };
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  /** Reads the value when the request arrives, and answers when the test says so. */
  const queryFn = () => {
    server.requests += 1;
    const { value } = server;
    return new Promise((resolve, reject) => server.answers.push({ resolve: () => resolve(value), reject }));
  };
  return {
    server,
    live,
    client,
    queryFn,
    invalidations,
    /** Shows a query, as a mounted component does. */
    show(queryKey) {
      const observer = new QueryObserver(client, { queryKey, queryFn });
      return { observer, hide: observer.subscribe(notifyManager.batchCalls(() => {})) };
    },
    /** The value changes on the server, and the event arrives. */
    change(...keys) {
      server.value += 1;
      invalidations.emit([{ keys, cause: { why: "event" } }]);
    },
    /** The server answers the oldest request. */
    async answer() {
      server.answers.shift().resolve();
      await settled();
    },
    async fail() {
      server.answers.shift().reject(new Error("500"));
      await settled();
    },
  };
}

test("an event refetches the queries of its family, and no others", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks", 5]);
  w.show(["users"]);
  await w.answer();
  await w.answer();
  w.change(["tasks"]);
  assert.equal(w.server.requests, 3);
  await w.answer();
  assert.equal(w.client.getQueryData(["tasks", 5]), 1);
  assert.equal(w.client.getQueryData(["users"]), 0);
  w.client.clear();
});

test("an event during the first load is not lost", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  w.change(["tasks"]);
  assert.equal(w.server.requests, 1, "the running fetch is not cancelled");
  await w.answer();
  assert.equal(w.server.requests, 2, "one fetch follows it");
  await w.answer();
  assert.equal(w.client.getQueryData(["tasks"]), 1);
  assert.equal(w.client.getQueryState(["tasks"]).isInvalidated, false);
  w.client.clear();
});

test("an event during a prefetch leaves the query marked, for whoever shows it next", async () => {
  const w = world();
  attach(w.live, w.client);
  void w.client.prefetchQuery({ queryKey: ["tasks"], queryFn: w.queryFn });
  w.change(["tasks"]);
  await w.answer();
  assert.equal(w.server.requests, 1, "nobody looks at it");
  assert.equal(w.client.getQueryState(["tasks"]).isInvalidated, true);
  w.client.clear();
});

test("many events during one fetch are one more fetch", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  await w.answer();
  for (let n = 0; n < 10; n += 1) w.change(["tasks"]);
  assert.equal(w.server.requests, 2);
  await w.answer();
  assert.equal(w.client.getQueryData(["tasks"]), 1, "what the running fetch brought is shown at once");
  await w.answer();
  assert.equal(w.server.requests, 3);
  assert.equal(w.client.getQueryData(["tasks"]), 10);
  w.client.clear();
});

test("a fetch that fails is followed too", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  await w.answer();
  w.change(["tasks"]);
  w.change(["tasks"]);
  await w.fail();
  await w.answer();
  assert.equal(w.client.getQueryData(["tasks"]), 2);
  w.client.clear();
});

test("a cancelled fetch is not started again over an optimistic value, and the mark stays", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  await w.answer();
  w.change(["tasks"]);
  w.change(["tasks"]);
  await w.client.cancelQueries({ queryKey: ["tasks"] });
  w.client.setQueryData(["tasks"], "optimistic");
  w.invalidations.emit([]);
  await settled();
  assert.equal(w.server.requests, 2);
  assert.equal(w.client.getQueryData(["tasks"]), "optimistic");
  w.client.clear();
});

test("cancelling does not take the mark of staleness with it", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  await w.answer();
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  w.change(["tasks"]);
  await w.client.cancelQueries({ queryKey: ["tasks"] });
  assert.equal(w.client.getQueryState(["tasks"]).isInvalidated, true);
  w.client.clear();
});

test("the answer that the app writes itself does not pay for the one that is owed", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["tasks"]);
  await w.answer();
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  w.change(["tasks"]);
  w.client.setQueryData(["tasks"], "written");
  await w.answer();
  await w.answer();
  assert.equal(w.client.getQueryData(["tasks"]), 1);
  w.client.clear();
});

test("a batch is one notification of query-core", async () => {
  const w = world();
  attach(w.live, w.client);
  w.show(["a"]);
  w.show(["b"]);
  await w.answer();
  await w.answer();
  let batches = 0;
  notifyManager.setBatchNotifyFunction((callback) => {
    batches += 1;
    callback();
  });
  w.invalidations.emit([
    { keys: [["a"], ["b"]], cause: { why: "event" } },
    { keys: [["a"]], cause: { why: "gap" } },
  ]);
  await settled();
  notifyManager.setBatchNotifyFunction((callback) => callback());
  assert.equal(batches, 1);
  assert.equal(w.server.requests, 4);
  w.client.clear();
});

test("attached twice it invalidates once, and only the second detaching ends it", async () => {
  const w = world();
  const first = attach(w.live, w.client);
  const second = attach(w.live, w.client);
  assert.equal(w.invalidations.size, 1);
  first();
  first();
  assert.equal(w.invalidations.size, 1);
  second();
  assert.equal(w.invalidations.size, 0);
  assert.equal(w.client.getQueryCache().hasListeners(), false);
  attach(w.live, w.client, { signal: AbortSignal.abort() });
  assert.equal(w.invalidations.size, 0);
});

test("no order of events, answers and failures loses freshness or multiplies requests", async () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = generator(seed);
    const w = world();
    attach(w.live, w.client);
    const { observer } = w.show(["tasks"]);
    let changes = 0;
    for (let step = 0; step < 40; step += 1) {
      const dice = random();
      if (dice < 0.5) {
        w.change(["tasks"]);
        changes += 1;
      } else if (w.server.answers.length > 0) {
        await (dice < 0.9 ? w.answer() : w.fail());
      }
      assert.ok(w.server.answers.length <= 1, `seed ${seed}: more than one request at a time`);
    }
    while (w.server.answers.length > 0) await w.answer();
    // A fetch that failed last is known to be stale; TanStack Query's own means bring it back.
    if (observer.getCurrentResult().isError) {
      assert.equal(w.client.getQueryState(["tasks"]).isInvalidated, true, `seed ${seed}`);
      void observer.refetch();
      changes += 1;
      await w.answer();
    }
    assert.equal(observer.getCurrentResult().data, w.server.value, `seed ${seed}: the last value is shown`);
    assert.ok(w.server.requests <= changes + 1, `seed ${seed}: ${w.server.requests} requests for ${changes} changes`);
    w.client.clear();
  }
});

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
