// Small state that tabs share over the browser's storage (PO10, PO12). Other tabs are played by the test: what they
// would have written, and the events that the browser would have sent.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { sharedState } from "../dist/state.js";
import { clock, closeAll, create } from "./support/page.js";

afterEach(closeAll);

const key = () => Object.fromEntries(Array.from({ length: localStorage.length }, (_, at) => [localStorage.key(at), 0]));
const stateKey = (name) => Object.keys(key()).find((text) => text.startsWith("everfresh:state:") && text.endsWith(`:${name}`));

/** Another tab sets a value: the storage has it, and this tab hears of it. */
function elsewhere(name, stored, storageArea = localStorage) {
  const text = stored === null ? null : typeof stored === "string" ? stored : JSON.stringify(stored);
  if (text === null) storageArea.removeItem(stateKey(name));
  else storageArea.setItem(stateKey(name), text);
  dispatchEvent(Object.assign(new Event("storage"), { key: stateKey(name), newValue: text, storageArea }));
}

test("what one tab sets the others have, and it survives a reload", async () => {
  const live = await create();
  const paused = sharedState(live, "paused", false);
  assert.equal(sharedState(live, "paused", false), paused);
  let changes = 0;
  const stop = paused.subscribe(() => (changes += 1));
  paused.set(true);
  assert.deepEqual([paused.get(), changes], [true, 1]);
  paused.set(true);
  assert.equal(changes, 1);
  elsewhere("paused", { at: clock.now + 5, by: 0.5, value: false });
  assert.deepEqual([paused.get(), changes], [false, 2]);
  stop();
  live.close();
  const again = await create({ name: live.name });
  assert.equal(sharedState(again, "paused", true).get(), false);
});

test("two tabs that set it at once end at the same", async () => {
  const live = await create();
  const state = sharedState(live, "n", 0);
  state.set(1);
  const ours = JSON.parse(localStorage.getItem(stateKey("n")));
  // The other one was later: it stands.
  elsewhere("n", { at: ours.at, by: 1, value: 2 });
  assert.equal(state.get(), 2);
  // The other one was earlier, and its writing came after ours: ours is written again, for whoever reads next.
  state.set(3);
  const later = localStorage.getItem(stateKey("n"));
  elsewhere("n", { at: ours.at - 1, by: 0, value: 4 });
  assert.equal(state.get(), 3);
  assert.equal(localStorage.getItem(stateKey("n")), later);
});

test("values are objects of their own, frozen, and the same until they change", async () => {
  const live = await create();
  const given = { open: ["a"] };
  const state = sharedState(live, "panes", given);
  const before = state.get();
  assert.ok(Object.isFrozen(before.open) && !Object.isFrozen(given.open));
  elsewhere("panes".replace("panes", "panes"), "null");
  state.set({ open: ["a"], size: 5 });
  assert.equal(state.get().open, before.open);
  assert.throws(() => state.set({ at: new Date() }), { code: "option-invalid", path: "value.at" });
  assert.throws(() => sharedState(live, "bad", new Map()), { code: "option-invalid", path: "initial" });
});

test("what is stored in another form, or is no state at all, counts for nothing", async () => {
  const live = await create();
  const state = sharedState(live, "n", 7, { check: (value) => typeof value === "number" });
  state.set(8);
  for (const bad of ["{", '"x"', "[]", '{"at":1}', '{"at":9e15,"by":0,"value":"text"}', '{"at":"1","by":0,"value":1}']) {
    elsewhere("n", bad);
    assert.equal(typeof state.get(), "number", bad);
  }
  elsewhere("n", null);
  assert.equal(state.get(), 7, "whoever clears the storage clears the state");
  localStorage.clear();
  state.set(9);
  dispatchEvent(Object.assign(new Event("storage"), { key: null, newValue: null, storageArea: localStorage }));
  assert.equal(state.get(), 7);
});

test("a session's state is this tab's alone, and another storage's events are not for it", async () => {
  const live = await create();
  const accepted = sharedState(live, "terms", false, { storage: "session" });
  accepted.set(true);
  assert.equal(stateKey("terms"), undefined);
  assert.equal(sessionStorage.length, 1);
  const name = sessionStorage.key(0);
  dispatchEvent(Object.assign(new Event("storage"), { key: name, newValue: null, storageArea: localStorage }));
  assert.equal(accepted.get(), true);
});

test("another user has another one, and while it is not known who is there nobody has", async () => {
  const live = await create();
  await live.ready;
  const state = sharedState(live, "draft", "");
  state.set("of u1");
  assert.ok(!Object.keys(key()).some((text) => text.includes("u1")), "whose it is must not be read from the key");
  live.setUser("u2");
  await clock.settle();
  assert.equal(state.get(), "");
  state.set("of u2");
  live.setUser("u1");
  await clock.settle();
  assert.equal(state.get(), "of u1");
});

test("a page that was put away reads what it missed", async () => {
  const live = await create();
  const state = sharedState(live, "n", 0);
  state.set(1);
  localStorage.setItem(stateKey("n"), JSON.stringify({ at: clock.now + 9, by: 0, value: 2 }));
  assert.equal(state.get(), 1);
  dispatchEvent(new Event("pageshow"));
  assert.equal(state.get(), 2);
});

test("where nothing may be stored it is this page's alone", async () => {
  const live = await create();
  const state = sharedState(live, "n", 0);
  localStorage.full = true;
  state.set(1);
  assert.equal(state.get(), 1);
  const storage = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new DOMException("blocked", "SecurityError");
    },
  });
  try {
    state.set(2);
    assert.equal(state.get(), 2);
    assert.equal(sharedState(live, "other", 5).get(), 5);
  } finally {
    Object.defineProperty(globalThis, "localStorage", storage);
  }
});

test("closed it hears nothing any more", async () => {
  const live = await create();
  const state = sharedState(live, "n", 0);
  state.set(1);
  const name = stateKey("n");
  live.close();
  dispatchEvent(Object.assign(new Event("storage"), { key: name, newValue: null, storageArea: localStorage }));
  assert.equal(state.get(), 1);
});
