// As much of a page as the package needs to run in plain Node, in virtual time: a window that hears events,
// clocks, and a storage. It has no Web Locks, so the tab is alone; whatever depends on a browser's own
// behaviour is tested in real ones.
import { readFileSync } from "node:fs";

import { Clock } from "./clock.js";
import { generator } from "./chance.js";
import { Server } from "./server.js";

class Storage {
  #items = new Map();
  /** What the next writes throw. */
  full = false;
  get length() {
    return this.#items.size;
  }
  key(at) {
    return [...this.#items.keys()][at] ?? null;
  }
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  setItem(key, value) {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.#items.set(key, String(value));
  }
  removeItem(key) {
    this.#items.delete(key);
  }
  clear() {
    this.#items.clear();
  }
}

const target = new EventTarget();
const document = Object.assign(new EventTarget(), { baseURI: "https://app.test/", visibilityState: "visible", hidden: false });

Object.assign(globalThis, {
  addEventListener: target.addEventListener.bind(target),
  removeEventListener: target.removeEventListener.bind(target),
  dispatchEvent: target.dispatchEvent.bind(target),
  document,
  window: globalThis,
  localStorage: new Storage(),
  sessionStorage: new Storage(),
  Window: class {
    static [Symbol.hasInstance](value) {
      return value === globalThis;
    }
  },
});
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true, writable: true });

// Chance from a seed, so that a world is the same again.
let chance = generator(1);
Math.random = () => chance();
Object.defineProperty(globalThis, "crypto", {
  configurable: true,
  value: {
    getRandomValues(array) {
      for (const at of array.keys()) array[at] = chance() * 2 ** 32;
      return array;
    },
  },
});

/** From here on chance is that of a seed. */
export function seeded(seed) {
  chance = generator(seed);
  return chance;
}

export const clock = new Clock().install();
export const server = new Server().install();

// After the window is there: nothing of the package looks for it before it is asked to.
const { createEverfresh } = await import("../../dist/index.js");

const bytes = readFileSync(new URL("../../dist/wasm/everfresh_bg.wasm", import.meta.url));
const open = new Set();
let names = 0;

/** An instance on this page, whose engine runs; closed by `closeAll`. */
export async function create(options = {}) {
  const live = createEverfresh({
    name: `test-${++names}`,
    user: "u1",
    backend: { kind: "everfresh", url: "/live" },
    wasm: { bytes },
    ...options,
  });
  open.add(live);
  live.faults = [];
  live.onFault((fault) => live.faults.push(fault));
  return live;
}

/** An instance that is connected. */
export async function connect(options = {}) {
  const live = await create(options);
  await live.ready;
  for (let turn = 0; turn < 100 && live.getSnapshot().status !== "connected"; turn += 1) await clock.advance(10);
  if (live.getSnapshot().status !== "connected") throw new Error(`not connected: ${live.getSnapshot().reason}`);
  // What may have been missed before it subscribed has been told by then.
  await clock.advance(2000);
  // There are no Web Locks here, which is said once.
  live.faults.length = 0;
  return live;
}

/** Closes every instance, and empties the page. */
export function closeAll() {
  for (const live of open) live.close();
  open.clear();
  localStorage.full = false;
  localStorage.clear();
  sessionStorage.clear();
  server.up = true;
}
