// Optimistic mutations in the real query-core: shown at once, on top of newer data, taken back, and reconciled once.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { mutation } from "../dist/index.js";
import { clock, closeAll, seeded, server } from "./support/page.js";
import { world } from "./support/queries.js";

let w;
afterEach(() => {
  w?.end();
  w = undefined;
  closeAll();
});

const rejected = () => Object.assign(new Error("no"), { status: 422 });

/**
 * A list on a server, to which `add` adds; its event says which mutation it was. `early` and `late` say how long the
 * event and the answer take after the write.
 */
async function lists({ early = 5, late = 30, commit, ...rest } = {}) {
  const list = [];
  const timing = { early, late, before: 10, refuse: () => false };
  const add = mutation({
    run: async (item, { idempotencyKey, headers }) => {
      await new Promise((resolve) => setTimeout(resolve, timing.before));
      if (timing.refuse(item)) throw rejected();
      list.push(item);
      const event = { mid: idempotencyKey };
      setTimeout(() => server.publish("tasks", "added", event, headers["everfresh-client"]), timing.early);
      await new Promise((resolve) => setTimeout(resolve, timing.late));
      return [...list];
    },
    // As every update has to be: of no effect on data that has the change already.
    optimistic: { key: "tasks", update: (items, item) => (items.includes(item) ? items : [...items, `${item}?`]), ...(commit ? { commit } : {}) },
  });
  const events = { added: { keys: ["tasks"], mutation: "$.mid" }, changed: ["tasks"] };
  const made = await world({ live: { events, mutations: { add } }, fetchMs: 40, ...rest });
  made.backend.values = { get tasks() { return [...list]; } };
  return Object.assign(made, { list, timing });
}

/** What was on the screen, one text a change. */
const screen = (view) => view.seen.map(({ data }) => data?.join(" ") ?? "-").filter((text, at, all) => text !== all[at - 1]);

test("it is shown at once, and what the server made of it later, after one fetch", async () => {
  for (const [early, late] of [[0, 50], [5, 30], [30, 5], [200, 5], [5, 200], [1000, 5]]) {
    w = await lists({ early, late });
    const view = w.show(["tasks"]);
    await clock.advance(500);
    const at = clock.now;
    const adding = w.live.mutate("add", "a");
    await clock.advance(2);
    assert.equal(view.seen.at(-1).data.join(), "a?");
    assert.ok(view.seen.at(-1).at - at <= 2);
    await clock.advance(5000);
    await adding;
    assert.deepEqual(screen(view), ["", "a?", "a"], `${early} ${late}`);
    assert.equal(w.backend.requests.length, 2, `one reconcile: ${early} ${late}`);
    w.end();
    closeAll();
  }
  w = undefined;
});

test("it stays on newer data that has it not yet, without a flicker", async () => {
  w = await lists();
  w.timing.before = 2000;
  const view = w.show(["tasks"]);
  await clock.advance(500);
  w.live.mutate("add", "mine");
  await clock.advance(100);
  for (const other of ["x", "y"]) {
    w.list.push(other);
    server.publish("tasks", "changed");
    await clock.advance(500);
  }
  await clock.advance(5000);
  assert.deepEqual(screen(view), ["", "mine?", "x mine?", "x y mine?", "x y mine"]);
});

test("refused it is taken back, and nothing of it is left; those after it stay", async () => {
  w = await lists();
  w.timing.refuse = (item) => item === "bad";
  w.timing.before = 300;
  const view = w.show(["tasks"]);
  await clock.advance(500);
  const [bad, good] = ["bad", "good"].map((item) => w.live.mutate("add", item));
  await clock.advance(10);
  assert.deepEqual(w.data(["tasks"]), ["bad?", "good?"]);
  await assert.rejects(Promise.all([bad, clock.advance(400)]).then(() => {}), { code: "mutation-rejected" });
  assert.deepEqual(w.data(["tasks"]), ["good?"]);
  await clock.advance(5000);
  await good;
  assert.deepEqual(screen(view).slice(-3), ["bad? good?", "good?", "good"]);
});

test("taken back, what is shown is what was shown before", async () => {
  w = await lists();
  w.timing.refuse = () => true;
  w.list.push("a");
  w.show(["tasks"]);
  await clock.advance(500);
  const before = w.data(["tasks"]);
  w.live.mutate("add", "b").catch(() => {});
  await clock.advance(1);
  assert.notEqual(w.data(["tasks"]), before);
  await clock.advance(5000);
  assert.deepEqual(w.data(["tasks"]), before);
});

test("an answer that can be put in costs no fetch, whether its event comes before or after", async () => {
  for (const [early, late, requests] of [[200, 5, 1], [1000, 5, 1]]) {
    w = await lists({ early, late, commit: (_, answer) => answer });
    const view = w.show(["tasks"]);
    await clock.advance(500);
    await Promise.all([w.live.mutate("add", "a"), clock.advance(5000)]);
    assert.deepEqual(screen(view), ["", "a?", "a"]);
    assert.equal(w.backend.requests.length, requests, `${early}`);
    w.end();
    closeAll();
  }
  w = undefined;
});

test("an answer that comes while older data is on its way is not put in: the fetch after it shows it", async () => {
  w = await lists({ early: 5000, late: 1, commit: (_, answer) => answer });
  const view = w.show(["tasks"]);
  await clock.advance(500);
  w.backend.fetchMs = 400;
  const adding = w.live.mutate("add", "a");
  void w.client.refetchQueries({ queryKey: ["tasks"] });
  // Read before the write, and back after the answer.
  w.timing.before = 0;
  await clock.advance(3000);
  await adding;
  assert.deepEqual([...new Set(screen(view))], ["", "a?", "a"], "never without it again");
});

test("in a query that nobody looks at it is kept, and the query marked", async () => {
  w = await lists();
  const view = w.show(["tasks"]);
  await clock.advance(500);
  view.hide();
  await Promise.all([w.live.mutate("add", "a"), clock.advance(2000)]);
  assert.deepEqual([w.data(["tasks"]), w.invalidated(["tasks"])], [["a?"], true]);
  const again = w.show(["tasks"]);
  await clock.advance(500);
  assert.deepEqual(screen(again), ["a?", "a"]);
});

test("a query that is left while its reconcile is on its way ends with the server's data", async () => {
  w = await lists();
  const view = w.show(["tasks"]);
  await clock.advance(500);
  void w.live.mutate("add", "a");
  await clock.advance(60);
  view.hide();
  await clock.advance(3000);
  const again = w.show(["tasks"]);
  await clock.advance(3000);
  assert.deepEqual(again.seen.at(-1).data, ["a"]);
});

test("data that the app writes meanwhile is the app's, until the server says otherwise", async () => {
  w = await lists();
  w.timing.before = 1000;
  w.show(["tasks"]);
  await clock.advance(500);
  w.live.mutate("add", "a");
  await clock.advance(10);
  w.client.setQueryData(["tasks"], (items) => [...items, "app"]);
  assert.deepEqual(w.data(["tasks"]), ["a?", "app"]);
  await clock.advance(5000);
  assert.deepEqual(w.data(["tasks"]), ["a"]);
});

test("an event that brings data finds its place below what is pending", async () => {
  w = await lists({ attach: { patch: { changed: ({ item }) => ({ key: ["tasks"], update: (items) => [...items, item] }) } } });
  w.timing.before = 2000;
  w.show(["tasks"]);
  await clock.advance(500);
  w.live.mutate("add", "mine");
  await clock.advance(10);
  w.list.push("x");
  server.publish("tasks", "changed", { item: "x" });
  await clock.advance(5);
  assert.deepEqual(w.data(["tasks"]), ["x", "mine?"]);
  await clock.advance(5000);
  assert.deepEqual(w.data(["tasks"]), ["x", "mine"]);
});

test("an update that throws shows nothing of itself, and harms nobody", async () => {
  w = await lists();
  w.client.setQueryData(["tasks", "odd"], 5);
  w.show(["tasks"]);
  await clock.advance(500);
  await Promise.all([w.live.mutate("add", "a"), clock.advance(2000)]);
  assert.deepEqual(w.data(["tasks"]), ["a"]);
  assert.equal(w.data(["tasks", "odd"]), 5);
  assert.deepEqual([...new Set(w.live.faults.map(({ code, error }) => `${code} ${error.cause.name}`))], ["listener-threw TypeError"]);
});

test("detached in the middle, the server's data is shown and nothing else", async () => {
  w = await lists();
  w.timing.before = 2000;
  w.show(["tasks"]);
  await clock.advance(500);
  w.live.mutate("add", "a");
  await clock.advance(10);
  w.detach();
  assert.deepEqual(w.data(["tasks"]), []);
});

test("a client that comes late shows what is pending", async () => {
  w = await lists();
  w.detach();
  w.timing.before = 2000;
  w.show(["tasks"]);
  await clock.advance(500);
  w.live.mutate("add", "a");
  await clock.advance(10);
  assert.deepEqual(w.data(["tasks"]), []);
  const { attach } = await import("../dist/tanstack.js");
  w.detach = attach(w.live, w.client);
  assert.deepEqual(w.data(["tasks"]), ["a?"]);
  await clock.advance(5000);
  assert.deepEqual(w.data(["tasks"]), ["a"]);
});

test("no order of mutations, refusals, events and fetches flickers, doubles or loses anything", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = seeded(seed);
    w = await lists({ commit: random() < 0.3 ? (_, answer) => answer : undefined });
    const view = w.show(["tasks"]);
    await clock.advance(500);
    const refused = new Set();
    w.timing.refuse = (item) => refused.has(item);
    const accepted = new Set();
    let others = 0;
    w.backend.fetchMs = () => 5 + Math.floor(random() * 150);
    for (let step = 0; step < 40; step += 1) {
      Object.assign(w.timing, { before: random() * 100, early: random() * 150, late: random() * 150 });
      const dice = random();
      if (dice < 0.4) {
        const item = `m${step}`;
        if (random() < 0.25) refused.add(item);
        w.live.mutate("add", item).then(
          () => accepted.add(item),
          () => {},
        );
      } else if (dice < 0.6) {
        others += 1;
        w.list.push(`o${others}`);
        server.publish("tasks", "changed");
      } else if (dice < 0.7) void w.client.refetchQueries({ queryKey: ["tasks"] }, { cancelRefetch: random() < 0.5 });
      await clock.advance(Math.floor(random() * 120));
    }
    await clock.advance(120_000);
    assert.deepEqual(w.data(["tasks"]), w.list, `seed ${seed}`);
    // From the moment it is shown, a mutation is on the screen, once, in one form or the other, unless it is refused.
    const firstSeen = new Map();
    for (const [at, { data }] of view.seen.entries()) {
      const names = (data ?? []).map((item) => item.replace("?", ""));
      assert.equal(new Set(names).size, names.length, `seed ${seed}: doubled in ${data}`);
      for (const name of names) if (!firstSeen.has(name)) firstSeen.set(name, at);
      for (const [name, since] of firstSeen) {
        if (refused.has(name) || since > at) continue;
        assert.ok(names.includes(name), `seed ${seed}: ${name} flickered away in ${JSON.stringify(data)}`);
      }
    }
    w.end();
    closeAll();
  }
  w = undefined;
});
