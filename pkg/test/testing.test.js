// What users test their contracts with: worlds in virtual time, with the real engine.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { QueryClient, QueryObserver } from "@tanstack/query-core";
import { createEverfresh } from "../dist/index.js";
import { room } from "../dist/room.js";
import { attach } from "../dist/tanstack.js";
import { createWorld } from "../dist/testing.js";

let world;
afterEach(() => world?.end());

const tasks = { channels: ["tasks"], events: { changed: ["tasks"] } };

test("a contract is kept while the server is there, and a break of it is told with its cause", async () => {
  let version = 1;
  world = await createWorld({ fetch: () => Response.json(version) });
  const live = await world.tab({ ...tasks, contracts: { tasks: { key: "tasks", maxAge: 60_000, poll: 20_000 } } });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const detach = attach(live, client);
  const queryFn = async ({ signal }) => (await fetch("/api/tasks", { signal })).json();
  const observer = new QueryObserver(client, { queryKey: ["tasks"], queryFn });
  const hide = observer.subscribe(() => {});
  await world.clock.advance(1000);
  version = 2;
  await world.clock.advance(60_000);
  assert.deepEqual([observer.getCurrentResult().data, world.violations], [2, []]);
  await world.play([
    [1000, "offline"],
    [120_000, "online"],
  ]);
  assert.deepEqual(world.violations.map(({ contract, cause }) => [contract, cause])[0], ["tasks", "offline"]);
  version = 3;
  assert.equal(await world.until(() => observer.getCurrentResult().data === 3, 60_000), true);
  assert.equal(live.getSnapshot().freshness[0].state, "fresh");
  hide();
  detach();
  client.clear();
});

test("two tabs share one connection, and the second takes over without a gap", async () => {
  world = await createWorld();
  const one = await world.tab(tasks);
  const two = await world.tab(tasks);
  assert.deepEqual([one, two].map((live) => live.getSnapshot().role), ["leader", "follower"]);
  assert.equal(world.server.connections, 1);
  const heard = [];
  two.on("changed", (data) => heard.push(data));
  await world.clock.advance(1000);
  world.server.publish("tasks", "changed", 1);
  await world.clock.advance(100);
  one.close();
  world.server.publish("tasks", "changed", 2);
  assert.equal(await world.until(() => two.getSnapshot().role === "leader"), true);
  await world.clock.advance(5000);
  world.server.publish("tasks", "changed", 3);
  await world.clock.advance(100);
  assert.deepEqual([heard, world.server.connections, world.faults], [[1, 2, 3], 1, []]);
});

test("a tab that crashes says nothing more, and what it accepted is done once by another", async () => {
  const requests = [];
  world = await createWorld({
    fetch: async (request) => {
      requests.push(await request.json());
      return Response.json(null);
    },
  });
  const run = async (body, { headers }) => (await fetch("/api", { method: "POST", headers, body: JSON.stringify(body) })).json();
  const options = { ...tasks, mutations: { add: { run } } };
  const [one, two] = [await world.tab(options), await world.tab(options)];
  await world.play([[1000, "down"]]);
  one.mutate("add", { n: 1 }).catch(() => {});
  await world.clock.advance(1000);
  const said = world.server.received.length;
  world.crash(one);
  assert.equal(one.getSnapshot().status, "closed");
  await world.play([[1000, "up"]]);
  assert.equal(await world.until(() => two.getSnapshot().role === "leader", 60_000), true);
  assert.equal(await world.until(() => requests.length > 0, 60_000), true);
  await world.clock.advance(60_000);
  assert.deepEqual([requests, world.server.connections, world.faults], [[{ n: 1 }], 1, []]);
  assert.ok(world.server.received.length > said);
  assert.throws(() => world.crash(one), /no tab of this world/);
});

test("rooms: who is there, what is said, who has a field, also after the tab that spoke for the browser crashed", async () => {
  world = await createWorld();
  const [one, two] = [await world.tab({ rooms: true }), await world.tab({ rooms: true })];
  const { rooms } = world.server;
  const form = room(two, "form:7");
  form.subscribe(() => {});
  form.join({ page: 1 });
  rooms.somebody("form:7", "c1", { user: "jane", data: { tabs: { t: { active: true, meta: {} } } } });
  await world.clock.advance(2000);
  const users = () => form.getSnapshot().people.map(({ user }) => user).sort();
  assert.deepEqual(users(), ["jane", "user"]);
  const said = [];
  form.onSignal(({ name, data, from }) => said.push([name, data, from.user]));
  form.signal("wave");
  rooms.says("form:7", "cursor", { x: 1 }, { client: "c1", user: "jane" });
  await world.clock.advance(500);
  assert.deepEqual([said, rooms.signals.map(({ name }) => name)], [[["cursor", { x: 1 }, "jane"]], ["wave"]]);
  const title = form.field("title");
  title.take();
  await world.clock.advance(500);
  assert.equal(title.getSnapshot().state, "held");
  rooms.holds("form:7", "title", { user: "jane" });
  await world.clock.advance(500);
  assert.notEqual(title.getSnapshot().state, "held");
  rooms.somebody("form:7", "c1", null);
  world.crash(one);
  assert.equal(await world.until(() => two.getSnapshot().role === "leader", 60_000), true);
  await world.clock.advance(5000);
  assert.deepEqual([users(), rooms.holder("form:7", "title")], [["user"], { user: "jane" }]);
});

test("what was missed is made up for: by position, and by a gap where the server forgot", async () => {
  world = await createWorld();
  const live = await world.tab(tasks);
  const [heard, stale] = [[], []];
  live.on("changed", (data) => heard.push(data));
  live.onInvalidate((all) => stale.push(...all.map(({ cause }) => cause.why)));
  await world.clock.advance(3000);
  stale.length = 0;
  await world.play([
    [0, "down"],
    [1000, ({ server }) => server.publish("tasks", "changed", 1)],
    [1000, "up"],
    [20_000, "show"],
  ]);
  assert.deepEqual([heard, stale], [[1], ["event"]]);
  await world.play([[0, "restart"], [20_000, "show"]]);
  assert.ok(stale.includes("gap"));
});

test("a dead link is noticed though nobody closes it", async () => {
  world = await createWorld();
  const live = await world.tab(tasks);
  await world.play([[1000, "silent"], [60_000, "up"]]);
  assert.equal(await world.until(() => live.getSnapshot().status === "connected", 60_000), true);
  assert.ok(world.server.dials > 1);
});

test("offline, hidden and asleep: the page hears of it", async () => {
  world = await createWorld();
  const live = await world.tab(tasks);
  await world.play([[1000, "offline"]]);
  await world.clock.advance(100);
  assert.equal(live.getSnapshot().status, "offline");
  await world.play([[0, "hide"], [1000, "show"], [1000, "online"]]);
  assert.equal(await world.until(() => live.getSnapshot().status === "connected"), true);
  const before = Date.now();
  await world.play([[0, { sleep: 3_600_000 }], [5000, "show"]]);
  assert.equal(Date.now() - before, 3_605_000);
  assert.equal(await world.until(() => live.getSnapshot().status === "connected"), true);
});

test("a mutation is refused while nothing can be stored, and done once when it can", async () => {
  const requests = [];
  world = await createWorld({
    fetch: async (request) => {
      requests.push([new URL(request.url).pathname, await request.json(), request.headers.has("idempotency-key")]);
      return Response.json({ version: 1 });
    },
  });
  const run = async (body, { headers, signal }) => {
    const response = await fetch("/api/tasks", { method: "POST", headers, signal, body: JSON.stringify(body) });
    if (!response.ok) throw response;
    return response.json();
  };
  const live = await world.tab({ ...tasks, mutations: { add: { run } } });
  await world.play([[0, "storage-full"]]);
  const refused = live.mutate("add", { title: "a" }).catch((error) => error.code);
  await world.clock.advance(1000);
  assert.equal(await refused, "mutation-quota");
  await world.play([[0, "storage-free"], [0, "down"]]);
  const done = live.mutate("add", { title: "b" });
  const { durable } = await done.accepted;
  await world.clock.advance(5000);
  assert.deepEqual([durable, requests], [true, []]);
  await world.play([[0, "up"], [60_000, "show"]]);
  assert.deepEqual([await done, requests], [{ version: 1 }, [["/api/tasks", { title: "b" }, true]]]);
});

test("one seed is one world", async () => {
  const run = async (seed) => {
    world = await createWorld({ seed });
    const live = await world.tab(tasks);
    await world.play([[1000, "down"], [45_000, "up"], [60_000, "restart"], [30_000, "show"]]);
    const told = JSON.stringify([world.server.received, live.diagnostics()]);
    await world.end();
    return told;
  };
  const [one, again, other] = [await run(7), await run(7), await run(8)];
  assert.equal(one, again);
  assert.notEqual(one, other);
});

test("the app's own instance is in the world, and the process is given back as it was", async () => {
  const names = ["setTimeout", "WebSocket", "fetch", "document", "window", "localStorage", "BroadcastChannel", "performance", "navigator"];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)?.value);
  const { now } = Date;
  world = await createWorld();
  await assert.rejects(createWorld(), /end\(\) it first/);
  const live = createEverfresh({ user: "u1", backend: { kind: "everfresh", url: "/live" } });
  assert.equal(await world.until(() => live.getSnapshot().status === "connected"), true);
  live.close();
  await world.end();
  await world.end();
  assert.deepEqual(names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)?.value), before);
  assert.equal(Date.now, now);
  assert.ok(!Object.hasOwn(Math, "random") || Math.random() !== Math.random());
});
