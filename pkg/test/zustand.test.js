// Real Zustand stores, bound to events and to the connection of the real engine, in virtual time.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createStore } from "zustand/vanilla";
import { subscribeWithSelector } from "zustand/middleware";
import { bind } from "../dist/zustand.js";
import { clock, closeAll, connect, server } from "./support/page.js";

afterEach(closeAll);

const options = { channels: ["tasks"], events: { changed: ["tasks"], moved: ["tasks"], counted: ["counts"] } };

/** A store of tasks, and a server that has them. */
function world(live, more = {}) {
  const store = createStore(
    subscribeWithSelector(() => ({ online: undefined, tasks: {}, add() {}, rest: "kept" })),
  );
  const backend = { tasks: { a: 1 }, loads: 0, most: 0, flying: 0 };
  const run = async ({ signal }) => {
    backend.loads += 1;
    backend.flying += 1;
    backend.most = Math.max(backend.most, backend.flying);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const tasks = { ...backend.tasks };
    await new Promise((resolve) => setTimeout(resolve, 10));
    backend.flying -= 1;
    if (signal.aborted) throw signal.reason;
    return { tasks };
  };
  const unbind = bind(live, store, {
    events: { changed: ({ tasks }, { id, to }) => ({ tasks: { ...tasks, [id]: to } }) },
    connection: (_, { status }) => ({ online: status === "connected" }),
    load: [{ key: "tasks", run }],
    ...more,
  });
  return { store, backend, unbind };
}

test("cl6 an event changes the store at once, and the rest of it stays", async () => {
  const live = await connect(options);
  const { store, backend } = world(live);
  await clock.advance(100);
  assert.deepEqual(store.getState().tasks, { a: 1 });
  const { add } = store.getState();
  const seen = [];
  store.subscribe(({ tasks }) => tasks, (tasks) => seen.push([clock.now, tasks]));
  const at = clock.now;
  server.publish("tasks", "changed", { id: "b", to: 2 });
  await clock.advance(500);
  assert.deepEqual(seen, [[at + 2, { a: 1, b: 2 }]]);
  assert.deepEqual([store.getState().rest, store.getState().add], ["kept", add]);
  assert.equal(backend.loads, 1, "what the event brought is not loaded again");
});

test("what is stale is loaded again: by an event without a change of its own, and after a gap", async () => {
  const live = await connect(options);
  const { store, backend } = world(live);
  await clock.advance(100);
  backend.tasks = { a: 5 };
  server.publish("tasks", "moved", {});
  server.publish("tasks", "counted", {});
  await clock.advance(500);
  assert.deepEqual([store.getState().tasks, backend.loads], [{ a: 5 }, 2]);
  live.invalidate([["tasks", "open"]]);
  await clock.advance(500);
  assert.equal(backend.loads, 3);
  // Missed: the server has forgotten the page's position.
  backend.tasks = { a: 6 };
  server.epoch = "E2";
  server.cut();
  await clock.advance(20_000);
  server.epoch = "E1";
  assert.deepEqual(store.getState().tasks, { a: 6 });
});

test("g1 g2 under a stream of events one load runs, each is shown, and the last one began after the last event", async () => {
  const live = await connect(options);
  const { store, backend } = world(live);
  const shown = [];
  store.subscribe(({ tasks }) => tasks, ({ a }) => shown.push(a));
  for (let turn = 2; turn < 60; turn += 1) {
    backend.tasks = { a: turn };
    server.publish("tasks", "moved", {});
    await clock.advance(7);
  }
  assert.ok(shown.length > 3, "new data was shown while they came");
  await clock.advance(2000);
  assert.deepEqual([store.getState().tasks, backend.most], [{ a: 59 }, 1]);
});

test("an event during a load is not lost under what the load brings", async () => {
  const live = await connect(options);
  const { store, backend } = world(live);
  await clock.advance(16);
  // The server was read already.
  backend.tasks = { a: 1, b: 2 };
  server.publish("tasks", "changed", { id: "b", to: 2 });
  await clock.advance(500);
  assert.deepEqual(store.getState().tasks, { a: 1, b: 2 });
});

test("the store follows the connection", async () => {
  const live = await connect(options);
  const { store } = world(live);
  assert.equal(store.getState().online, true);
  server.up = false;
  server.cut();
  await clock.advance(100);
  assert.equal(store.getState().online, false);
  server.up = true;
  live.reconnect();
  await clock.advance(5000);
  assert.equal(store.getState().online, true);
});

test("g9 another user finds nothing of the one before, or what the app keeps", async () => {
  const live = await connect(options);
  const { store, backend } = world(live);
  const other = world(live, { userChanged: (state) => ({ ...state, tasks: {}, rest: "kept by the app" }) });
  await clock.advance(15);
  // A load of the one before is under way.
  assert.equal(backend.flying, 1);
  backend.tasks = { z: 9 };
  live.setUser("u2");
  await clock.settle();
  assert.deepEqual([store.getState().tasks, other.store.getState().rest], [{}, "kept by the app"]);
  await clock.advance(500);
  assert.deepEqual(store.getState().tasks, { z: 9 });
});

test("a load that fails is reported, and tried when it is stale again", async () => {
  const live = await connect(options);
  const errors = [];
  globalThis.reportError = (error) => errors.push(error.message);
  let turn = 0;
  const { store } = world(live, {
    load: [{ key: "tasks", run: async () => (turn++ === 0 ? Promise.reject(new Error("no luck")) : ({ rest }) => ({ rest: `${rest} ${turn}` })) }],
  });
  await clock.advance(100);
  assert.deepEqual(errors, ["no luck"]);
  server.publish("tasks", "moved", {});
  await clock.advance(500);
  delete globalThis.reportError;
  assert.equal(store.getState().rest, "kept 2");
});

test("unbound it hears nothing more, and follows nothing", async () => {
  const live = await connect({ ...options, channels: [], channelIdle: 1000 });
  const stop = new AbortController();
  const { store, backend } = world(live, { channels: ["tasks"], signal: stop.signal });
  await clock.advance(500);
  assert.equal(live.getSnapshot().channels.length, 1);
  server.publish("tasks", "changed", { id: "b", to: 1 });
  await clock.advance(500);
  assert.equal(store.getState().tasks.b, 1);
  stop.abort();
  const before = store.getState();
  const { loads } = backend;
  server.publish("tasks", "changed", { id: "b", to: 2 });
  live.invalidate(["tasks"]);
  await clock.advance(60_000);
  assert.deepEqual([store.getState(), backend.loads, live.getSnapshot().channels.length], [before, loads, 0]);
});
