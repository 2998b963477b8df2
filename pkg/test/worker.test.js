// How the relay worker is started and ended, with a stand-in for the worker.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { relays, startRelay } from "../dist/worker.js";

let started;
let heard;

class FakeWorker {
  said = [];
  ended = false;
  constructor(url, options) {
    if (String(url).includes("blocked")) throw new DOMException("blocked", "SecurityError");
    Object.assign(this, { url: String(url), options });
    started.push(this);
  }
  postMessage(message) {
    this.said.push(message);
  }
  terminate() {
    this.ended = true;
  }
}

const hears = (batch) => {
  assert.ok(batch instanceof Uint8Array);
  heard.push([...batch]);
};

const start = (url) => {
  const relay = startRelay(url, hears);
  return [relay, started.at(-1)];
};

const batchOf = (...bytes) => ({ data: new Uint8Array(bytes).buffer });

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  started = [];
  heard = [];
  globalThis.Worker = FakeWorker;
});

afterEach(() => mock.timers.reset());

test("the worker's file is the one beside this one, or where the app says", () => {
  const [, worker] = start();
  assert.equal(worker.url, new URL("../dist/relay.js", import.meta.url).href);
  assert.deepEqual(worker.options, { type: "module" });
  assert.equal(start("https://app.test/relay.js")[1].url, "https://app.test/relay.js");
});

test("what it hands over is heard as bytes, and what it is to do is said", () => {
  const [relay, worker] = start();
  worker.onmessage(batchOf(1, 2));
  relay.open(7, "wss://app.test/live", "fresh.v1");
  relay.say(7, "hello");
  relay.wake(500);
  assert.deepEqual(heard, [[1, 2]]);
  assert.deepEqual(worker.said, [[7, "wss://app.test/live", "fresh.v1"], [7, "hello"], 500]);
});

test("a page that may have none is told by what is thrown", () => {
  assert.throws(() => start("https://app.test/blocked.js"), { name: "SecurityError" });
});

test("a file that is broken or not there is heard of as no bytes", () => {
  const [, worker] = start();
  worker.onerror({});
  assert.deepEqual(heard, [[]]);
});

test("one that does not begin in time is heard of as no bytes, one that begins is not", () => {
  const [, slow] = start();
  const [, quick] = start();
  quick.onmessage(batchOf(9));
  mock.timers.tick(2999);
  assert.deepEqual(heard, [[9]]);
  mock.timers.tick(1);
  assert.deepEqual(heard, [[9], []]);
  assert.notEqual(slow, quick);
});

test("one that was ended is not heard of any more", () => {
  for (const lastWords of [true, false]) {
    const [relay, worker] = start();
    relay.end(lastWords);
    assert.deepEqual([worker.said, worker.ended], lastWords ? [[null], false] : [[], true]);
    assert.deepEqual([worker.onmessage, worker.onerror], [null, null]);
  }
  mock.timers.tick(10_000);
  assert.deepEqual(heard, []);
});

test("one that runs can be found, until it is ended or breaks; its ticks for the page are not the engine's", () => {
  relays.clear();
  const [relay, worker] = start();
  assert.deepEqual([...relays], []);
  worker.onmessage(batchOf(1));
  assert.deepEqual([...relays], [worker]);
  worker.onmessage({ data: null });
  assert.deepEqual(heard, [[1]]);
  relay.end(false);
  assert.deepEqual([...relays], []);
  const [, other] = start();
  other.onmessage(batchOf(1));
  other.onerror({});
  assert.deepEqual([...relays], []);
});
