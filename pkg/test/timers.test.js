// Intervals of a hidden page, with what browsers do to its timers, and a stand-in for the worker that they spare.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Clock } from "./support/clock.js";

const MINUTE = 60_000;

const clock = new Clock().install();
/** A page's timers as a browser runs them: where it is hidden, once a minute. */
const own = { setInterval, clearInterval, setTimeout };
const late = new Map();
globalThis.setInterval = (call, every) => {
  const id = own.setInterval(() => {
    if (!page.hidden) return call();
    if (late.has(id)) return;
    late.set(id, own.setTimeout(() => late.delete(id) && call(), (MINUTE - (clock.now % MINUTE)) % MINUTE));
  }, every);
  return id;
};
globalThis.clearInterval = (id) => {
  clearTimeout(late.get(id));
  late.delete(id);
  own.clearInterval(id);
};

const page = Object.assign(new EventTarget(), { hidden: false });
Object.assign(globalThis, { document: page, window: page });

/** A worker that has begun. It can tick, and be broken. */
class TickingWorker extends EventTarget {
  broken = false;
  asked = 0;
  #timer;
  constructor() {
    super();
    workers.push(this);
  }
  postMessage(message) {
    if (!Array.isArray(message) || message.length !== 1) return;
    this.asked += 1;
    clearTimeout(this.#timer);
    this.#timer = own.setTimeout(() => this.broken || this.say(null), message[0]);
  }
  say(data) {
    const message = Object.assign(new Event("message"), { data });
    this.onmessage?.(message);
    this.dispatchEvent(message);
  }
  terminate() {
    this.broken = true;
  }
}
globalThis.Worker = TickingWorker;

const { QueryClient, QueryObserver, timeoutManager } = await import("@tanstack/query-core");
const { startRelay } = await import("../dist/worker.js");
const { timeoutProvider } = await import("../dist/timers.js");
const complaints = mock.method(console, "error", () => {});
timeoutManager.setTimeoutProvider(timeoutProvider);

let workers;
let relay;
let client;
let fetches;
let stop;

function begin() {
  relay = startRelay(undefined, () => {});
  workers.at(-1).say(new ArrayBuffer(1));
}

function hide(hidden) {
  page.hidden = hidden;
  page.dispatchEvent(new Event("visibilitychange"));
}

/** When it was fetched, in seconds from now on. */
async function fetchedIn(span) {
  const began = clock.now;
  fetches.length = 0;
  await clock.advance(span);
  return fetches.map((moment) => Math.round((moment - began) / 1000));
}

beforeEach(async () => {
  workers = [];
  fetches = [];
  // A whole minute, so that what is late is late by a known time.
  await clock.advance(MINUTE - (clock.now % MINUTE));
  client = new QueryClient();
  const observer = new QueryObserver(client, {
    queryKey: ["polled"],
    queryFn: () => fetches.push(clock.now),
    refetchInterval: 20_000,
    refetchIntervalInBackground: true,
  });
  stop = observer.subscribe(() => {});
});

afterEach(() => {
  stop();
  client.clear();
  relay?.end(false);
  relay = undefined;
  hide(false);
  assert.deepEqual(complaints.mock.calls, []);
});

test("without a worker a query is fetched when the browser runs timers", async () => {
  hide(true);
  assert.deepEqual(await fetchedIn(3 * MINUTE), [60, 120, 180]);
});

test("with one it is fetched as often as it says, and once each time", async () => {
  begin();
  hide(true);
  assert.deepEqual(await fetchedIn(2 * MINUTE), [20, 40, 60, 80, 100, 120]);
});

test("where it is seen the worker is asked for nothing", async () => {
  begin();
  assert.deepEqual(await fetchedIn(MINUTE), [20, 40, 60]);
  assert.equal(workers[0].asked, 0);
});

test("a worker that begins later is found, and one that breaks is done without", async () => {
  hide(true);
  await clock.advance(1000);
  begin();
  assert.deepEqual(await fetchedIn(2 * MINUTE), [59, 79, 99, 119]);
  relay.end(false);
  const seen = await fetchedIn(3 * MINUTE);
  assert.ok(seen.length >= 2 && seen.length <= 3, seen.join());
});

test("what is ended does not run, and leaves no timer", async () => {
  begin();
  hide(true);
  stop();
  client.clear();
  assert.deepEqual(await fetchedIn(2 * MINUTE), []);
  const asked = workers[0].asked;
  hide(false);
  hide(true);
  assert.equal(workers[0].asked, asked);
  // Twice does no harm to anybody else's.
  const other = globalThis.setInterval(() => fetches.push(clock.now), 20_000);
  const id = timeoutProvider.setInterval(() => {}, 1000);
  for (let n = 0; n < 3; n += 1) timeoutProvider.clearInterval(id);
  hide(false);
  assert.equal((await fetchedIn(MINUTE)).length, 3);
  clearInterval(other);
});
