// Several tabs of one browser, with the real query-core on the real engine, that share what one of them fetches.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { attach } from "../dist/tanstack.js";
import { browser as open } from "./support/tabs.js";

const FETCH_MS = 60;

let world;
let tabs;
let end;
afterEach(() => end());

async function browser(count, options) {
  const opened = await open(count, options);
  ({ world, tabs, end } = opened);
  return opened;
}

/** Which channels are opened for sharing from here on, and which of them are open. */
function spy() {
  const names = { opened: [], open: [] };
  const Channel = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = class extends Channel {
    constructor(name) {
      super(name);
      this.counts = name.startsWith("everfresh:share:");
      if (this.counts) for (const list of [names.opened, names.open]) list.push(name);
    }
    close() {
      super.close();
      if (this.counts) names.open.splice(names.open.indexOf(this.name), 1);
    }
  };
  return names;
}

const values = () => tabs.map((tab) => tab.data()?.value);

test("three tabs that show the same make one request: of a first load, and of each event", async () => {
  const { backend, change } = await browser(3);
  for (const tab of tabs) tab.show();
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[0, 0, 0], 1]);
  for (let round = 1; round <= 5; round += 1) {
    change();
    await world.clock.advance(1000);
    assert.deepEqual([values(), backend.requests.length], [[round, round, round], round + 1]);
  }
  assert.deepEqual(world.faults, []);
});

test("without the option each tab makes its own, and a tab that is alone does not wait", async () => {
  const { backend, change, settled } = await browser(3, { share: false });
  await settled();
  change();
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[1, 1, 1], 3]);
  await end();

  const alone = await browser(1);
  const began = Date.now();
  tabs[0].show();
  await world.clock.advance(100);
  assert.deepEqual(alone.backend.requests.map(({ at }) => at - began), [0]);
});

test("G1: an event during a shared fetch is followed by another one, in every tab", async () => {
  const { backend, change, settled } = await browser(3);
  await settled();
  change();
  await world.clock.advance(50);
  assert.equal(backend.requests.length, 1);
  change();
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[2, 2, 2], 2]);
});

test("G1: who asks while another tab fetches gets no result that was read before", async () => {
  const { backend, settled } = await browser(2);
  await settled();
  void tabs[0].client.refetchQueries({ queryKey: ["tasks"] });
  // It was read, and is on its way.
  await world.clock.advance(50);
  backend.values.tasks = 1;
  // Only this tab knows of the change.
  tabs[1].live.invalidate(["tasks"]);
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[0, 1], 2]);
});

test("G1: who asks while another tab fetches for a third one gets no result that was read before", async () => {
  const { backend, settled } = await browser(3);
  await settled();
  for (const tab of [0, 1]) void tabs[tab].client.refetchQueries({ queryKey: ["tasks"] });
  await world.clock.advance(50);
  assert.equal(backend.requests.length, 1);
  backend.values.tasks = 1;
  tabs[2].live.invalidate(["tasks"]);
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[0, 0, 1], 2]);
});

test("G9: persons have nothing in common, and nobody can read in a name who somebody is", async () => {
  const { settled } = await browser(2);
  const names = spy();
  await settled();
  for (const user of ["bea@example.org", "a"]) {
    for (const tab of tabs) tab.live.setUser(user);
    await world.clock.advance(3000);
  }
  const [ofA, ofBea, again] = [0, 2, 4].map((at) => names.opened[at]);
  assert.deepEqual([names.opened.length, ofA === again, ofA === ofBea], [6, true, false]);
  assert.ok(names.opened.every((name) => !name.includes("bea")), `${names.opened}`);
  assert.deepEqual(names.open, [ofA, ofA], "what is not needed any more is closed");
  dispatchEvent(new Event("pagehide"));
  assert.deepEqual(names.open, [], "a browser keeps no page that hears of others");
});

test("a tab that is frozen with the lock keeps the others waiting for so long and no longer", async () => {
  const { backend, change, settled } = await browser(2, { share: { waitMs: 2000 } });
  const names = spy();
  await settled();
  void navigator.locks.request(`${names.opened[0]} ["tasks"]`, () => new Promise(() => {}));
  change();
  await world.clock.advance(1990);
  assert.deepEqual([values(), backend.requests.length], [[0, 0], 0]);
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[1, 1], 2]);
});

test("G9: a result reaches no tab of another person: somebody else logs in while it is asked for, read, or on its way", async () => {
  const { backend, change, settled } = await browser(3);
  await settled();
  const seen = [];
  for (const tab of tabs) {
    tab.client.getQueryCache().subscribe(({ query }) => query.state.data && seen.push([tab.live.user, query.state.data.user]));
  }
  let [before, after] = ["a", "b"];
  for (const first of [0, 1, 2]) {
    for (const wait of [0, 2, 5, 11, 13, 30, 60, 71, 72, 73]) {
      change();
      await world.clock.advance(wait);
      tabs[first].live.setUser(after);
      await world.clock.advance(wait);
      for (const tab of tabs) tab.live.setUser(after);
      await world.clock.advance(3000);
      assert.deepEqual(tabs.map((tab) => tab.data()), tabs.map(() => ({ user: after, value: backend.values.tasks })));
      [before, after] = [after, before];
    }
  }
  // A page that another one put out has nobody's data, and sees none.
  assert.deepEqual(seen.filter(([user, whose]) => user !== whose), []);
  assert.ok(seen.length > 100);
});

test("releases whose data has another form do not share, and neither does what the app leaves out", async () => {
  for (const share of [{ only: ([name]) => name !== "tasks" }, { buster: `${Math.random()}` }]) {
    const { backend, change, settled } = await browser(2, { share });
    if (share.buster) {
      tabs[1].detach();
      tabs[1].detach = attach(tabs[1].live, tabs[1].client, { share: { buster: "another" } });
    }
    await settled();
    change();
    await world.clock.advance(1000);
    assert.deepEqual([values(), backend.requests.length], [[1, 1], 2]);
    await end();
  }
});

test("what is too large, or is no JSON, each tab fetches by itself, and asks nobody for it again", async () => {
  for (const [share, value] of [[true, new Date(0)], [{ maxBytes: 1000 }, "ü".repeat(600)], [true, "x".repeat(512 * 1024)]]) {
    const { backend, settled } = await browser(2, { share });
    backend.values.tasks = value;
    await settled();
    for (let round = 1; round <= 2; round += 1) {
      world.server.publish("tasks", "changed", {});
      await world.clock.advance(1000);
      assert.equal(backend.requests.length, 2 * round);
    }
    const [one, other] = backend.requests.slice(-2);
    assert.ok(other.at - one.at < 10, "neither waits");
    assert.deepEqual(tabs[1].data(), value);
    await end();
  }
  const { backend, settled } = await browser(2, { share: { maxBytes: 1202 } });
  backend.values.tasks = "ü".repeat(600);
  await settled();
  world.server.publish("tasks", "changed", {});
  await world.clock.advance(1000);
  assert.equal(backend.requests.length, 1, "what fits is shared");
});

test("a fetch that fails is tried by the next tab, whose result is everybody's", async () => {
  const { backend, change, settled } = await browser(3);
  await settled();
  let failures = 1;
  backend.fail = () => (failures-- > 0 ? new Error("mine") : undefined);
  change();
  await world.clock.advance(500);
  const shown = values().filter((value) => value === 1);
  assert.deepEqual([shown.length, backend.requests.length], [2, 2]);
  await world.clock.advance(10_000);
  assert.deepEqual(values(), [1, 1, 1]);
});

test("a tab whose fetch hangs keeps the others waiting for so long and no longer, and its late result overwrites nothing", async () => {
  const { backend, change, settled } = await browser(3, { share: { waitMs: 2000 } });
  await settled();
  let first;
  backend.fetchMs = (tab) => {
    first ??= tab;
    return tab === first ? 4000 : FETCH_MS;
  };
  change();
  await world.clock.advance(1900);
  assert.equal(backend.requests.length, 1);
  // It has read the last value by then, and takes two seconds more to say so.
  await world.clock.advance(200);
  backend.fetchMs = () => FETCH_MS;
  change();
  await world.clock.advance(1000);
  const others = () => values().filter((_, tab) => tab !== first);
  assert.deepEqual(others(), [2, 2]);
  const seen = [];
  for (const tab of tabs) tab.client.getQueryCache().subscribe(() => tab !== tabs[first] && seen.push(tab.data()?.value));
  await world.clock.advance(10_000);
  assert.deepEqual(values(), [2, 2, 2]);
  assert.ok(seen.every((value) => value === 2), `${seen}`);
  assert.ok(backend.requests.length <= 6, `${backend.requests.length} requests`);
});

test("an app that fetches again does not wait for the fetch that it gave up", async () => {
  const { backend, settled } = await browser(2);
  await settled();
  backend.fetchMs = () => 3000;
  void tabs[0].client.refetchQueries({ queryKey: ["tasks"] });
  await world.clock.advance(100);
  backend.values.tasks = 1;
  backend.fetchMs = () => FETCH_MS;
  void tabs[0].client.refetchQueries({ queryKey: ["tasks"] });
  await world.clock.advance(100);
  assert.deepEqual([values(), backend.requests.length], [[1, 0], 2]);
  await world.clock.advance(5000);
  assert.deepEqual(values(), [1, 0]);
});

test("tabs that nobody sees share as well, without timers that come late there", async () => {
  const { backend, change, settled } = await browser(3);
  await settled();
  await world.play([[0, "hide"]]);
  change();
  await world.clock.advance(1000);
  assert.deepEqual([values(), backend.requests.length], [[1, 1, 1], 1]);
});

test("a tab that is detached, or put away, goes on by itself, and a query is left with the options it had", async () => {
  const { backend, change, settled } = await browser(3);
  await settled();
  change();
  await world.clock.advance(5);
  tabs[2].detach();
  await world.clock.advance(1000);
  assert.deepEqual(values(), [1, 1, 1]);
  assert.ok(backend.requests.length <= 2, `${backend.requests.length} requests`);
  change();
  await world.clock.advance(5);
  dispatchEvent(new Event("pagehide"));
  dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await world.clock.advance(10_000);
  assert.deepEqual(values().slice(0, 2), [2, 2]);
  for (const { client } of tabs) assert.equal(client.getQueryCache().find({ queryKey: ["tasks"] }).options.persister, undefined);
});
