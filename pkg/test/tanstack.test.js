// The real query-core on the real engine, in virtual time: G1 and G2 in a cache, and a cache that is left as it was.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { clock, closeAll, create, server } from "./support/page.js";
import { world } from "./support/queries.js";
import { focusManager, onlineManager, QueryClient } from "@tanstack/query-core";
import { attach } from "../dist/tanstack.js";

let w;
afterEach(() => {
  w?.end();
  w = undefined;
  closeAll();
  navigator.onLine = true;
});

test("an event refetches what is shown of its family, and nothing else", async () => {
  w = await world();
  w.show(["tasks", 5]);
  w.show(["counts"]);
  await clock.advance(100);
  assert.equal(w.backend.requests.length, 2);
  w.change();
  await clock.advance(100);
  assert.equal(w.data(["tasks", 5]), 1);
  assert.equal(w.backend.requests.length, 3);
});

test("what nobody looks at is marked, and fetched by whoever looks next", async () => {
  w = await world();
  const view = w.show(["tasks"]);
  await clock.advance(100);
  view.hide();
  w.change();
  await clock.advance(100);
  assert.deepEqual([w.backend.requests.length, w.invalidated(["tasks"])], [1, true]);
  // A router that fetches what is not fresh.
  const loaded = w.client.fetchQuery({ queryKey: ["tasks"], queryFn: w.queryFn, staleTime: Infinity });
  await clock.advance(100);
  assert.equal(await loaded, 1);
  w.show(["tasks"]);
  await clock.advance(2000);
  assert.deepEqual([w.backend.requests.length, w.data(["tasks"]), w.invalidated(["tasks"])], [2, 1, false]);
});

test("G1: an event during the first load is not lost", async () => {
  w = await world({ fetchMs: 200 });
  w.show(["tasks"]);
  await clock.advance(150);
  w.change();
  await clock.advance(20);
  assert.equal(w.backend.requests.length, 1, "the running fetch is not cancelled");
  await clock.advance(1000);
  assert.deepEqual([w.backend.requests.length, w.data(["tasks"])], [2, 1]);
});

test("G1: an event during a prefetch leaves the query marked", async () => {
  w = await world({ fetchMs: 200 });
  void w.client.prefetchQuery({ queryKey: ["tasks"], queryFn: w.queryFn });
  await clock.advance(150);
  w.change();
  await clock.advance(1000);
  assert.deepEqual([w.backend.requests.length, w.data(["tasks"]), w.invalidated(["tasks"])], [1, 0, true]);
  w.show(["tasks"]);
  await clock.advance(1000);
  assert.deepEqual([w.backend.requests.length, w.data(["tasks"])], [2, 1]);
});

test("G1: a query that is left while it is fetched anew stays marked", async () => {
  w = await world({ fetchMs: 200 });
  const view = w.show(["tasks"]);
  await clock.advance(500);
  w.change();
  await clock.advance(150);
  w.change();
  view.hide();
  await clock.advance(1000);
  assert.deepEqual([w.data(["tasks"]), w.invalidated(["tasks"])], [1, true]);
});

test("G2: under a stream of events new data is shown soon, with few requests, and the last of it at last", async () => {
  w = await world({ fetchMs: 80 });
  const view = w.show(["tasks"]);
  await clock.advance(1000);
  w.backend.requests.length = 0;
  const began = clock.now;
  for (let at = 0; at < 3000; at += 40) {
    w.change();
    await clock.advance(40);
  }
  await clock.advance(1000);
  const first = view.seen.find(({ at, data }) => at > began && data > 0);
  assert.ok(first.at - began <= 150, `${first.at - began} ms`);
  assert.ok(w.backend.requests.length <= 45, `${w.backend.requests.length} requests`);
  assert.equal(w.data(["tasks"]), w.backend.values.tasks);
  // It goes on all the time: nothing is older than a window, a fetch and a way.
  const pauses = view.seen.slice(1).map(({ at }, index) => at - view.seen[index].at);
  assert.ok(Math.max(...pauses.slice(1)) <= 300, `${Math.max(...pauses.slice(1))} ms`);
});

test("ten thousand events at once are two fetches, and the last event counts", async () => {
  w = await world();
  w.show(["tasks"]);
  await clock.advance(1000);
  w.backend.requests.length = 0;
  for (let n = 0; n < 10_000; n += 1) w.backend.values.tasks += 1;
  for (let n = 0; n < 10_000; n += 1) server.publish("tasks", "changed");
  await clock.advance(2000);
  assert.equal(w.data(["tasks"]), 10_000);
  assert.ok(w.backend.requests.length <= 3, `${w.backend.requests.length} requests`);
});

test("a fetch that fails is tried again, later and later; a server that asks for calm is obeyed", async () => {
  w = await world();
  w.show(["tasks"]);
  await clock.advance(100);
  let wait;
  w.backend.fail = () => Object.assign(new Error("503"), { headers: new Headers(wait ? { "retry-after": wait } : {}) });
  w.change();
  await clock.advance(60_000);
  const tries = w.backend.requests.length;
  assert.ok(tries > 3 && tries < 30, `${tries} requests`);
  wait = "600";
  await clock.advance(60_000);
  const before = w.backend.requests.length;
  await clock.advance(500_000);
  assert.equal(w.backend.requests.length, before);
  w.backend.fail = undefined;
  await clock.advance(200_000);
  assert.equal(w.data(["tasks"]), 1);
});

test("a fetch that the app cancels is not started again over what it shows instead, and is made up for later", async () => {
  w = await world({ fetchMs: 200 });
  w.show(["tasks"]);
  await clock.advance(500);
  w.change();
  await clock.advance(50);
  const requests = w.backend.requests.length;
  await Promise.all([w.client.cancelQueries({ queryKey: ["tasks"] }), clock.advance(1)]);
  w.client.setQueryData(["tasks"], "optimistic");
  await clock.advance(200);
  assert.deepEqual([w.backend.requests.length, w.data(["tasks"])], [requests, "optimistic"]);
  await clock.advance(30_000);
  assert.equal(w.data(["tasks"]), 1);
});

test("what was missed while the link was down is made up for", async () => {
  w = await world();
  w.show(["tasks"]);
  await clock.advance(100);
  server.up = false;
  server.cut();
  w.change();
  await clock.advance(5000);
  assert.equal(w.data(["tasks"]), 0);
  server.up = true;
  await clock.advance(60_000);
  assert.equal(w.data(["tasks"]), 1);
  assert.equal(w.backend.requests.length, 2);
});

test("a fetch that hangs since the network was away is cancelled and made anew: a first load, and one that is owed more", async () => {
  let hangs = true;
  w = await world({ fetchMs: () => (hangs ? 1e9 : 20) });
  w.show(["tasks"]);
  await clock.advance(100);
  dispatchEvent(new Event("online"));
  hangs = false;
  await clock.advance(4000);
  assert.equal(w.backend.requests.length, 1, "it is given time to end");
  await clock.advance(6000);
  assert.deepEqual([w.data(["tasks"]), w.backend.requests.length], [0, 2]);
  hangs = true;
  w.change();
  await clock.advance(100);
  w.change();
  dispatchEvent(new Event("online"));
  hangs = false;
  await clock.advance(30_000);
  assert.equal(w.data(["tasks"]), 2);
  // The event came while the link was doubted: what may have been missed with it is one request more.
  assert.ok(w.backend.requests.length <= 5, `${w.backend.requests.length}`);
});

test("a fetch that nobody looks at and that hangs is cancelled, and made by whoever looks next", async () => {
  let hangs = true;
  w = await world({ fetchMs: () => (hangs ? 1e9 : 20) });
  const loading = w.client.fetchQuery({ queryKey: ["tasks"], queryFn: w.queryFn }).catch((error) => error.constructor.name);
  await clock.advance(100);
  dispatchEvent(new Event("online"));
  hangs = false;
  await clock.advance(10_000);
  assert.equal(await loading, "CancelledError");
  assert.equal(w.backend.requests.length, 1);
  w.show(["tasks"]);
  await clock.advance(100);
  assert.equal(w.data(["tasks"]), 0);
});

test("data that is new enough by its version is not fetched again", async () => {
  w = await world({
    live: { events: { changed: { keys: ["tasks"], version: "$.value" } } },
    attach: { version: (data, key) => (key[0] === "tasks" ? data : undefined) },
  });
  w.show(["tasks"]);
  await clock.advance(100);
  w.backend.values.tasks = 5;
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  await clock.advance(100);
  server.publish("tasks", "changed", { value: 5 });
  await clock.advance(1000);
  assert.equal(w.backend.requests.length, 2);
  server.publish("tasks", "changed", { value: 6 });
  await clock.advance(1000);
  assert.equal(w.backend.requests.length, 3);
});

test("an event that brings its data shows it at once; with a version nothing is fetched", async () => {
  for (const [versioned, requests] of [[true, 1], [false, 2]]) {
    w = await world({
      live: { events: { changed: { keys: ["tasks"], version: "$.value" } } },
      attach: {
        patch: {
          changed: ({ value }) => ({ key: ["tasks"], update: (data) => (value > data ? value : undefined), ...(versioned ? { version: value } : {}) }),
        },
      },
    });
    const view = w.show(["tasks"]);
    await clock.advance(100);
    const at = clock.now;
    w.change();
    await clock.advance(5);
    assert.equal(w.data(["tasks"]), 1);
    assert.ok(view.seen.at(-1).at - at <= 5);
    await clock.advance(2000);
    assert.equal(w.backend.requests.length, requests);
    w.end();
  }
  w = undefined;
});

test("a patch during a fetch, which may bring older data, is followed by another fetch", async () => {
  w = await world({
    fetchMs: 200,
    live: { events: { changed: { keys: ["tasks"], version: "$.value" } } },
    attach: { patch: { changed: ({ value }) => ({ key: ["tasks"], update: () => value, version: value }) } },
  });
  w.show(["tasks"]);
  await clock.advance(500);
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  await clock.advance(150);
  w.change();
  await clock.advance(2000);
  assert.deepEqual([w.data(["tasks"]), w.backend.requests.length], [1, 3]);
});

test("a patch that throws is reported, and the event counts as any other", async () => {
  w = await world({
    attach: {
      patch: {
        changed: () => {
          throw new Error("mine");
        },
      },
    },
  });
  w.show(["tasks"]);
  await clock.advance(100);
  w.change();
  await clock.advance(500);
  assert.equal(w.data(["tasks"]), 1);
  assert.deepEqual(w.live.faults.map(({ code, error }) => [code, error.cause.message]), [["listener-threw", "mine"]]);
});

test("another user finds nothing of the last one's, and what is shown is fetched for the new one", async () => {
  w = await world();
  const view = w.show(["tasks"]);
  w.show(["counts"]).hide();
  await clock.advance(100);
  w.backend.values.tasks = 77;
  w.live.setUser("u2");
  await clock.advance(1);
  assert.equal(w.data(["tasks"]), undefined);
  assert.equal(w.client.getQueryCache().find({ queryKey: ["counts"] }), undefined);
  await clock.advance(100);
  assert.equal(w.data(["tasks"]), 77);
  assert.ok(view.seen.some(({ data }) => data === undefined));
});

test("keys that the engine cannot take are looked after here", async () => {
  w = await world({ fetchMs: 200 });
  const long = ["tasks", "x".repeat(5000)];
  const date = ["tasks", new Date(0)];
  w.show(long);
  w.show(date);
  await clock.advance(150);
  w.change();
  await clock.advance(1000);
  for (const key of [long, date]) assert.deepEqual([w.data(key), w.count(key)], [1, 2]);
  w.change();
  await clock.advance(1000);
  for (const key of [long, date]) assert.deepEqual([w.data(key), w.count(key)], [2, 3]);
});

test("two queries of one key, by a hash of the app's own, are both kept fresh", async () => {
  w = await world();
  const one = w.show(["tasks"], { queryKeyHashFn: () => "one" });
  const two = w.show(["tasks"], { queryKeyHashFn: () => "two" });
  await clock.advance(100);
  w.change();
  await clock.advance(500);
  assert.deepEqual([one.observer.getCurrentResult().data, two.observer.getCurrentResult().data], [1, 1]);
});

test("a client that is attached late, or before the engine runs, is told what it has missed", async () => {
  w = await world({ fetchMs: 200 });
  w.detach();
  w.show(["tasks"]);
  await clock.advance(500);
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  await clock.advance(150);
  w.change();
  await clock.advance(10);
  w.detach = attach(w.live, w.client);
  await clock.advance(2000);
  assert.equal(w.data(["tasks"]), 1);

  const early = await create({ channels: ["tasks"], events: { changed: ["tasks"] } });
  const detach = attach(early, w.client);
  early.invalidate(["tasks"]);
  w.backend.values.tasks = 9;
  await clock.advance(2000);
  assert.equal(w.data(["tasks"]), 9);
  detach();
});

test("a second client is kept fresh too, and takes over when the first one leaves", async () => {
  w = await world({ fetchMs: 200 });
  const other = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  const detach = attach(w.live, other);
  const fetched = () => other.getQueryData(["tasks"]);
  void other.prefetchQuery({ queryKey: ["tasks"], queryFn: w.queryFn });
  await clock.advance(150);
  w.change();
  await clock.advance(1000);
  assert.equal(other.getQueryState(["tasks"]).isInvalidated, true);
  w.detach();
  void other.refetchQueries({ queryKey: ["tasks"], type: "all" });
  await clock.advance(1000);
  assert.equal(fetched(), 1);
  w.change();
  await clock.advance(1000);
  assert.equal(other.getQueryState(["tasks"]).isInvalidated, true);
  detach();
});

test("attached twice it does everything once, and detached it leaves no trace", async () => {
  w = await world();
  const second = attach(w.live, w.client);
  w.show(["tasks"]);
  await clock.advance(100);
  w.change();
  await clock.advance(500);
  assert.equal(w.backend.requests.length, 2);
  w.detach();
  w.detach();
  w.change();
  await clock.advance(500);
  assert.equal(w.data(["tasks"]), 2);
  second();
  w.change();
  await clock.advance(5000);
  assert.equal(w.data(["tasks"]), 2);
  assert.equal(w.client.getQueryCache().listeners.size, 0);
  let told;
  w.live.onInvalidate(([one]) => (told = one));
  attach(w.live, w.client, { signal: AbortSignal.abort() });
  w.change();
  await clock.advance(500);
  assert.ok(told, "whoever listens for families hears of them as before");
  assert.equal(w.data(["tasks"]), 2);
});

test("the managers hear what only the engine knows, and are left as they were", async () => {
  w = await world({ attach: { managers: { focusManager, onlineManager } } });
  let focused = 0;
  const stop = focusManager.subscribe(() => (focused += 1));
  dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
  document.dispatchEvent(new Event("resume"));
  assert.equal(focused, 2);
  // The browser is wrong about the network: the link stands.
  navigator.onLine = false;
  dispatchEvent(new Event("offline"));
  assert.equal(onlineManager.isOnline(), false);
  await clock.advance(1);
  assert.equal(onlineManager.isOnline(), true);
  dispatchEvent(new Event("offline"));
  w.detach();
  await clock.advance(1);
  assert.equal(onlineManager.isOnline(), false);
  document.dispatchEvent(new Event("resume"));
  assert.equal(focused, 2);
  stop();
  onlineManager.setOnline(true);
});

test("the devtools may simulate that there is no network, until they end it or the network really changes", async () => {
  w = await world({ attach: { managers: { onlineManager } } });
  w.show(["tasks"]);
  await clock.advance(100);
  for (const end of [() => onlineManager.setOnline(true), () => dispatchEvent(new Event("offline"))]) {
    const before = w.backend.requests.length;
    onlineManager.setOnline(false);
    w.change();
    await clock.advance(3000);
    assert.deepEqual([onlineManager.isOnline(), w.backend.requests.length], [false, before]);
    end();
    await clock.advance(20_000);
    assert.deepEqual([onlineManager.isOnline(), w.backend.requests.length > before], [true, true]);
  }
});
