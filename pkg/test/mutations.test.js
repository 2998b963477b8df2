// Mutations: accepted, run, answered, and what the caller hears of it; the queue as the app handles it.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { runInNewContext } from "node:vm";
import { MutationError, mutation } from "../dist/index.js";
import { clock, closeAll, connect, create, server } from "./support/page.js";

afterEach(closeAll);

/** A server's side of mutations: what was asked of it, answered when the test says so. */
function backend() {
  const runs = [];
  const run = (vars, context) => new Promise((resolve, reject) => runs.push({ vars, context, resolve, reject }));
  return { runs, run };
}

const status = (code, body, headers = {}) => Object.assign(new Error("HTTP"), { status: code, body, headers });

test("it is stored, run with a key of its own, and answered", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: mutation({ run, lane: (v) => v.id, version: 3 }) } });
  const news = [];
  live.onMutation(({ state, id, name, vars, result }) => news.push({ state, id, name, vars, result }));
  const move = live.mutate("move", { id: 7, to: "b" });
  const { id, durable } = await move.accepted;
  assert.equal(durable, true);
  assert.ok(Object.keys(localStorage).length >= 0 && localStorage.length > 1);
  await clock.settle();
  const [{ vars, context, resolve }] = runs;
  assert.deepEqual(vars, { id: 7, to: "b" });
  assert.deepEqual(
    [context.idempotencyKey, context.lane, context.attempt, context.version, context.keepalive, context.signal.aborted],
    [id, "7", 1, 3, false, false],
  );
  assert.deepEqual(context.headers, { "idempotency-key": id, "everfresh-client": live.getSnapshot().tab });
  await clock.advance(300);
  assert.deepEqual([live.getSnapshot().queue.count, live.getSnapshot().queue.inFlight], [1, 1]);
  resolve({ done: true });
  assert.deepEqual(await move, { done: true });
  await clock.advance(1000);
  assert.equal(live.getSnapshot().queue.count, 0);
  const about = { id, name: "move", vars: { id: 7, to: "b" } };
  assert.deepEqual(news, [
    { state: "accepted", ...about, result: undefined },
    { state: "applied", ...about, result: { done: true } },
  ]);
});

test("a lane is in order, and lanes do not wait for each other", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run, lane: (v) => v.lane } } });
  for (const [lane, n] of [["a", 1], ["a", 2], ["b", 3], ["c", 4]]) live.mutate("move", { lane, n });
  await clock.advance(10);
  const started = () => runs.map(({ vars }) => vars.n);
  assert.deepEqual(started(), [1], "until the server has answered once");
  runs[0].resolve();
  await clock.advance(10);
  assert.deepEqual(started().sort(), [1, 2, 3, 4]);
});

test("what failed for a reason that passes is run again, under the same key", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run } } });
  const move = live.mutate("move", 1);
  await clock.advance(10);
  for (const failure of [status(503), new TypeError("failed to fetch"), new DOMException("late", "TimeoutError"), new Error("?")]) {
    const before = runs.length;
    runs.at(-1).reject(failure);
    for (let turn = 0; turn < 200 && runs.length === before; turn += 1) await clock.advance(500);
    assert.equal(runs.length, before + 1, String(failure));
  }
  assert.deepEqual([...new Set(runs.map(({ context }) => context.idempotencyKey))].length, 1);
  runs.at(-1).resolve("done");
  assert.equal(await move, "done");
});

test("a server that asks for calm is obeyed, in seconds and in dates", async () => {
  for (const after of [() => "60", () => new Date(clock.now + 60_000).toUTCString()]) {
    const { runs, run } = backend();
    const live = await connect({ mutations: { move: { run } } });
    live.mutate("move", 1);
    await clock.advance(10);
    runs[0].reject(new Response("{}", { status: 429, headers: { "retry-after": after() } }));
    await clock.advance(50_000);
    assert.equal(runs.length, 1);
    await clock.advance(60_000);
    assert.equal(runs.length, 2);
    live.close();
  }
});

test("what the server refuses is told with its answer, and waits in the dead letters", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run } } });
  const move = live.mutate("move", { n: 1 });
  const { id } = await move.accepted;
  await clock.advance(10);
  runs[0].reject(new Response('{"error":"no such task"}', { status: 422 }));
  await assert.rejects(move, (error) => {
    assert.ok(error instanceof MutationError);
    assert.deepEqual([error.code, error.id, error.status, error.body], ["mutation-rejected", id, 422, { error: "no such task" }]);
    return true;
  });
  await clock.advance(500);
  assert.equal(live.getSnapshot().queue.dead, 1);
  const page = await live.queue.list({ of: "dead" });
  assert.equal(page.next, null);
  const [{ state, vars, status: code, body, why }] = page.items;
  assert.deepEqual([state, vars, code, body, why], ["dead", { n: 1 }, 422, { error: "no such task" }, "rejected"]);

  // By hand: tried again with other variables, and given up at last.
  await live.queue.edit(id, { n: 2 });
  await clock.advance(10);
  assert.deepEqual(runs[1].vars, { n: 2 });
  runs[1].reject(status(400));
  await clock.advance(500);
  assert.equal(await live.queue.retry(id), 1);
  await clock.advance(10);
  runs[2].reject(status(400));
  await clock.advance(500);
  await live.queue.discard(id);
  assert.deepEqual((await live.queue.list({ of: "dead" })).items, []);
  await assert.rejects(live.queue.discard(id), { code: "queue-not-there" });
});

test("a failure that nobody awaits is a fault; one that somebody sees to is none", async () => {
  const live = await connect({ mutations: { move: { run: () => Promise.reject(status(400)) } } });
  live.mutate("move", 1);
  await clock.advance(100);
  assert.deepEqual(live.faults.map(({ code }) => code), ["mutation-rejected"]);
  live.faults.length = 0;
  await assert.rejects(live.mutate("move", 2), { code: "mutation-rejected" });
  const third = live.mutate("move", 3);
  await third.accepted;
  await clock.advance(100);
  await third.catch(() => {});
  await third.finally(() => {}).catch(() => {});
  assert.deepEqual(live.faults, []);
});

test("storage that is full refuses at once, and harms nothing that is stored", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run } } });
  const first = live.mutate("move", 1);
  await first.accepted;
  localStorage.full = true;
  const second = live.mutate("move", 2);
  await assert.rejects(second.accepted, { code: "mutation-quota" });
  await assert.rejects(second, { code: "mutation-quota", id: undefined });
  localStorage.full = false;
  await clock.advance(10);
  runs[0].resolve("done");
  assert.equal(await first, "done");
});

test("what cannot be stored as JSON is refused where it stands", async () => {
  const live = await connect({ mutations: { move: { run: () => new Map() } } });
  for (const [vars, path] of [[{ at: new Date() }, "vars.at"], [{ list: [1, NaN] }, "vars.list[1]"], [10n, "vars"]]) {
    await assert.rejects(live.mutate("move", vars), { code: "option-invalid", path });
  }
  await assert.rejects(live.mutate("mve", 1), { code: "option-invalid", path: "name" });
  // Done is done: only the answer is lost, and that is said.
  assert.equal(await live.mutate("move"), null);
  assert.deepEqual(live.faults.map(({ code, error }) => [code, error.cause.path]), [["listener-threw", "mutations.move.run"]]);
});

test("typing is one mutation: those before are replaced, and their callers told", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { save: { run, kind: "text", coalesce: "title" } } });
  const saves = ["a", "ab", "abc"].map((title) => live.mutate("save", { title }));
  await clock.advance(2000);
  assert.deepEqual(runs.map(({ vars }) => vars.title), ["abc"]);
  runs[0].resolve("saved");
  assert.equal(await saves[2], "saved");
  for (const replaced of saves.slice(0, 2)) await assert.rejects(replaced, { code: "mutation-superseded" });
  assert.deepEqual(live.faults, []);
});

test("a signal takes it back: before it is accepted, while it waits, and not when it is on its way", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run } } });
  await assert.rejects(live.mutate("move", 0, { signal: AbortSignal.abort() }), { name: "AbortError" });
  const first = live.mutate("move", 1);
  await clock.advance(10);
  const controller = new AbortController();
  const second = live.mutate("move", 2, { signal: controller.signal });
  await second.accepted;
  controller.abort();
  await assert.rejects(second, { code: "mutation-discarded" });
  const third = live.mutate("move", 3, { signal: AbortSignal.timeout(1e9) });
  runs[0].resolve(1);
  assert.equal(await first, 1);
  await clock.advance(10);
  const fourth = new AbortController();
  const sent = live.mutate("move", 4, { signal: fourth.signal, lane: "other" });
  await clock.advance(10);
  fourth.abort();
  await clock.advance(10);
  runs.at(-1).resolve(4);
  assert.equal(await sent, 4);
  runs.find(({ vars }) => vars === 3).resolve(3);
  assert.equal(await third, 3);
});

test("a call made before the engine runs is done when it does, unless it was taken back", async () => {
  const { runs, run } = backend();
  const live = await create({ mutations: { move: { run } } });
  const kept = live.mutate("move", 1);
  const controller = new AbortController();
  const back = live.mutate("move", 2, { signal: controller.signal });
  controller.abort();
  await assert.rejects(back, { name: "AbortError" });
  const listed = live.queue.list();
  await live.ready;
  await clock.advance(100);
  assert.deepEqual(runs.map(({ vars }) => vars), [1]);
  runs[0].resolve("done");
  assert.equal(await kept, "done");
  assert.ok(Array.isArray((await listed).items));
});

test("a conflict is settled by the user", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { rename: { run, conflict: "ask", base: () => ({ title: "a" }) } } });
  const news = [];
  live.onMutation(({ state, error }) => news.push([state, error?.body]));
  for (const [take, vars] of [["client"], ["merged", { title: "both" }], ["server"]]) {
    runs.length = 0;
    const rename = live.mutate("rename", { title: "mine" });
    const { id } = await rename.accepted;
    await clock.advance(10);
    runs[0].reject(status(409, { title: "theirs" }));
    await clock.advance(500);
    assert.equal(live.getSnapshot().queue.conflicts, 1);
    assert.deepEqual(news.at(-1), ["conflict", { title: "theirs" }]);
    if (take === "merged") await live.queue.resolve(id, take, vars);
    else await live.queue.resolve(id, take);
    await clock.advance(10);
    if (take === "server") {
      await assert.rejects(rename, { code: "mutation-server" });
    } else {
      assert.deepEqual(runs[1].vars, vars ?? { title: "mine" });
      assert.deepEqual(runs[1].context.theirs, { title: "theirs" });
      runs[1].resolve("done");
      assert.equal(await rename, "done");
    }
  }
});

test("the queue goes out of one browser and into another", async () => {
  const { runs, run } = backend();
  const options = { name: "moving", mutations: { move: { run } } };
  const live = await connect(options);
  const waiting = live.mutate("move", { n: 1 });
  live.mutate("move", { n: 2 });
  await waiting.accepted;
  await clock.advance(10);
  const data = await live.queue.export();
  assert.deepEqual([data.everfresh, data.entries.length], ["queue", 2]);
  live.close();
  await assert.rejects(waiting, { code: "closed" });
  localStorage.clear();
  runs.length = 0;
  const other = await connect(options);
  assert.equal(await other.queue.import(JSON.parse(JSON.stringify(data))), 2);
  await clock.advance(100);
  assert.deepEqual(runs[0].vars, { n: 1 });
  await assert.rejects(other.queue.import({ everfresh: "queue", scope: "another", entries: [], aside: [] }), { code: "queue-user" });
  await other.queue.flush();
  await assert.rejects(other.queue.list({ signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("what was queued when the page was closed is done by the next one", async () => {
  const { runs, run } = backend();
  const options = { name: "again", mutations: { move: { run } } };
  const live = await connect(options);
  await live.mutate("move", 1).accepted;
  await clock.advance(10);
  const key = runs[0].context.idempotencyKey;
  live.close();
  assert.equal(runs[0].context.signal.aborted, true);
  const next = await connect(options);
  await clock.advance(100);
  assert.equal(runs[1].context.idempotencyKey, key);
  runs[1].resolve();
  await clock.advance(1000);
  assert.equal(next.getSnapshot().queue.count, 0);
});

test("another user's mutations are neither run nor lost", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run } } });
  const first = live.mutate("move", 1);
  const second = live.mutate("move", 2);
  await second.accepted;
  await clock.advance(10);
  live.setUser("u2");
  for (const gone of [first, second]) await assert.rejects(gone, { code: "mutation-detached" });
  await clock.advance(5000);
  assert.equal(runs.length, 1);
  assert.equal(live.getSnapshot().queue.count, 0);
  assert.deepEqual((await live.queue.list()).items, []);
  live.setUser("u1");
  await clock.advance(5000);
  assert.deepEqual(runs.slice(1).map(({ vars }) => vars), [1]);
  // That there are no Web Locks here is said once a user.
  assert.deepEqual(live.faults.filter(({ code }) => code !== "alone"), []);
});

test("what a mutation makes stale is told once, when it is done", async () => {
  const { runs, run } = backend();
  const live = await connect({
    channels: ["tasks"],
    mutations: { move: mutation({ run, invalidates: (vars, result) => [["tasks", vars.id], ["log", result.entry]] }) },
  });
  const stale = [];
  live.onInvalidate(([{ keys, cause }]) => stale.push([cause.why, ...keys.map((key) => JSON.stringify(key))]));
  const move = live.mutate("move", { id: 5 });
  await clock.advance(10);
  assert.deepEqual(stale, []);
  runs[0].resolve({ entry: 9 });
  await move;
  await clock.advance(500);
  assert.deepEqual(stale, [["app", '["tasks",5]', '["log",9]']]);
});

test("a function of the options that throws refuses the call, or is reported when it is too late for that", async () => {
  const boom = () => {
    throw new Error("mine");
  };
  const live = await connect({ mutations: { lane: { run: () => 1, lane: boom }, late: { run: () => 1, invalidates: boom } } });
  await assert.rejects(live.mutate("lane", 1), { message: "mine" });
  assert.equal(await live.mutate("late", 1), 1);
  assert.deepEqual(live.faults.map(({ code, error }) => [code, error.cause.message]), [["listener-threw", "mine"]]);
});

test("plain objects of another frame are plain; what JSON would change is not", async () => {
  const { runs, run } = backend();
  const live = await connect({ mutations: { move: { run, lane: ({ a }) => String(a) } } });
  void live.mutate("move", runInNewContext("({ a: 1, b: { c: [{ d: null }] } })"));
  await clock.advance(100);
  runs[0].resolve(null);
  void live.mutate("move", Object.assign(Object.create(null), { a: 2 }));
  await clock.advance(100);
  assert.deepEqual(runs.map(({ vars }) => vars), [{ a: 1, b: { c: [{ d: null }] } }, { a: 2 }]);
  for (const vars of ["new Date(0)", "new Map()", "new (class A {})()", "[/x/]", "Object.create({ a: 1 })", "new URLSearchParams()"]) {
    const value = vars.includes("URL") ? new URLSearchParams() : runInNewContext(`(${vars})`);
    await assert.rejects(live.mutate("move", value), { message: /a value that JSON can hold/ }, vars);
  }
});
