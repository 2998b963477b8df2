// Who is there, who types, and who may edit a field, with the real engine and a model server.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createEverfresh } from "../dist/index.js";
import { room } from "../dist/room.js";
import { clock, closeAll, connect, server } from "./support/page.js";

afterEach(closeAll);

let channels = 0;
/** A channel that nobody was on before. */
const fresh = () => `form:${++channels}`;

test("who looks sees who is there, and is not seen", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  server.somebody(channel, "c1", { user: "jane", data: { tabs: { t1: { active: true, meta: { page: 1 } } } } });
  const form = room(live, channel);
  assert.equal(room(live, channel), form);
  assert.deepEqual(form.getSnapshot(), { people: [], typing: [] });
  let changes = 0;
  const stop = form.subscribe(() => (changes += 1));
  await clock.advance(1000);
  const { people } = form.getSnapshot();
  assert.deepEqual(people, [{ user: "jane", self: false, active: true, tabs: [{ active: true, typing: null, meta: { page: 1 } }] }]);
  assert.ok(changes === 1 && Object.isFrozen(people[0].tabs));
  server.somebody(channel, "c2", { user: "jane", data: { tabs: { t2: { active: false, meta: {} } } } });
  server.somebody(channel, "c3", { data: { tabs: { t3: { active: true, meta: {} } } } });
  await clock.advance(1000);
  assert.deepEqual(form.getSnapshot().people.map(({ user, tabs }) => [user, tabs.length]).sort(), [[null, 1], ["jane", 2]].sort());
  server.somebody(channel, "c3", null);
  await clock.advance(1000);
  assert.equal(form.getSnapshot().people.length, 1);
  stop();
  await clock.advance(10);
  assert.deepEqual(form.getSnapshot().people, []);
});

test("who joins is seen, as the last one of the page's components wants, until the last one leaves", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  const form = room(live, channel);
  form.subscribe(() => {});
  const first = form.join({ page: 1 });
  const second = form.join({ page: 2 }, { anonymous: true });
  const shown = () => form.getSnapshot().people.find(({ self }) => self);
  await clock.advance(1000);
  assert.deepEqual([shown().user, shown().tabs[0].meta], [null, { page: 2 }]);
  second();
  second();
  await clock.advance(1000);
  assert.deepEqual([shown().user, shown().tabs[0].meta], ["me", { page: 1 }]);
  first();
  form.join({ page: 3 });
  await clock.advance(1000);
  assert.deepEqual(shown().tabs[0].meta, { page: 3 });
  form.join({ page: 4 }, { signal: AbortSignal.abort() });
  await clock.advance(1000);
  assert.deepEqual(shown().tabs[0].meta, { page: 3 });
  assert.throws(() => form.join({ at: new Date() }), { code: "option-invalid", path: "meta.at" });
});

test("who types is told, and forgotten", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  const form = room(live, channel);
  form.subscribe(() => {});
  form.join();
  await clock.advance(1000);
  form.typing("title");
  await clock.advance(200);
  assert.deepEqual(form.getSnapshot().people.find(({ self }) => self).tabs[0].typing, "title");
  assert.deepEqual(form.getSnapshot().typing, [], "one does not tell oneself");
  server.somebody(channel, "c1", { user: "jane", data: { tabs: { t: { active: true, typing: "note", typed: 1, meta: {} } } } });
  await clock.advance(200);
  assert.deepEqual(form.getSnapshot().typing, [{ user: "jane", client: "c1", field: "note" }]);
  const before = form.getSnapshot().typing;
  server.somebody(channel, "c2", { user: "bob", data: { tabs: { t: { active: true, meta: {} } } } });
  await clock.advance(200);
  assert.equal(form.getSnapshot().typing, before);
  await clock.advance(20_000);
  assert.deepEqual(form.getSnapshot().typing, []);
});

test("what is said for the moment is heard by who listens, and by nobody later", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  const form = room(live, channel);
  const said = [];
  const stop = form.onSignal((signal) => said.push(signal));
  await clock.advance(1000);
  form.signal("cursor", { x: 1 });
  form.signal("wave");
  await clock.advance(1000);
  assert.deepEqual(server.signals.splice(0).map(({ name, data }) => [name, data]), [["cursor", { x: 1 }], ["wave", null]]);
  server.says(channel, { name: "cursor", from: "c1", user: "jane", data: { x: 2 } });
  await clock.advance(100);
  assert.deepEqual(said, [{ name: "cursor", data: { x: 2 }, from: { client: "c1", user: "jane" } }]);
  assert.throws(() => form.signal("cursor", new Date()), { code: "option-invalid", path: "data" });
  assert.throws(() => form.signal("", 1), { code: "option-invalid", path: "name" });
  stop();
  server.says(channel, { name: "cursor", data: null });
  await clock.advance(100);
  assert.equal(said.length, 1);
});

test("a field is taken, kept while it is edited, given back, and carries its fence", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  const title = room(live, channel).field("7/title");
  assert.equal(room(live, channel).field("7/title"), title);
  const states = [];
  title.subscribe(() => states.push(title.getSnapshot().state));
  assert.deepEqual([title.getSnapshot().state, title.headers()], ["free", {}]);
  title.take();
  await clock.advance(100);
  assert.equal(title.getSnapshot().state, "held");
  const { fence } = title.getSnapshot();
  assert.deepEqual(title.headers(), { "everfresh-fence": `${fence};${encodeURIComponent(channel)};7%2Ftitle` });
  for (let turn = 0; turn < 12; turn += 1) {
    title.edit();
    await clock.advance(5000);
  }
  assert.deepEqual([title.getSnapshot().state, title.getSnapshot().fence], ["held", fence]);
  title.release();
  await clock.advance(100);
  assert.deepEqual([title.getSnapshot().state, server.locks.size], ["free", 0]);
  assert.deepEqual(states, ["asking", "held", "free"]);
});

test("a field that somebody else has says who; one that is left alone is lost", async () => {
  const live = await connect({ rooms: true });
  const channel = fresh();
  server.holds(channel, "title", { client: "c1", user: "jane" });
  const title = room(live, channel).field("title");
  title.take();
  await clock.advance(100);
  assert.deepEqual([title.getSnapshot().state, title.getSnapshot().holder.user], ["other", "jane"]);
  server.holds(channel, "title", null);
  await clock.advance(100);
  assert.equal(title.getSnapshot().state, "free");
  title.take();
  await clock.advance(40_000);
  assert.deepEqual([title.getSnapshot().state, title.getSnapshot().why], ["lost", "expired"]);
});

test("an engine without rooms, and a page without an engine", async () => {
  const live = await connect();
  assert.throws(() => room(live, "c"), { code: "option-missing", path: "rooms" });
  const early = createEverfresh({ name: "early", rooms: true, user: null, backend: { kind: "everfresh", url: "/live" } });
  const channel = fresh();
  const form = room(early, channel);
  form.join({ page: 1 });
  form.subscribe(() => {});
  form.field("title").take();
  await clock.advance(5000);
  assert.equal(form.getSnapshot().people.length, 1);
  assert.equal(form.field("title").getSnapshot().state, "held");
  early.close();
});
