// The relay worker, with a socket and a clock of the test's own.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const KINDS = ["ready", "opened", "frame", "closed", "tick", "bytes"];

let clock;
let sockets;
let batches;
/** Those for timers of the page. */
let ticks;
let worker;
let number = 0;

class Socket {
  constructor(url, protocol) {
    if (url.includes("bad")) throw new SyntaxError("a bad address");
    Object.assign(this, { url, protocol, sent: [], closed: undefined, readyState: 0 });
    sockets.push(this);
  }
  send(text) {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    this.sent.push(text);
  }
  close(code) {
    this.closed = code;
  }
  open() {
    this.readyState = 1;
    this.onopen?.({});
  }
  say(data) {
    this.onmessage?.({ data });
  }
}

/** The records of a batch: [kind, connection, text or code]. */
function read(batch) {
  const view = new DataView(batch);
  const records = [];
  for (let at = 0; at < batch.byteLength; ) {
    const kind = KINDS[view.getUint8(at)];
    const conn = view.getUint32(at + 1, true);
    const length = view.getUint32(at + 5, true);
    const code = kind === "closed" ? [view.getUint16(at + 9, true)] : [];
    const skip = code.length * 2;
    const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(batch, at + 9 + skip, length - skip));
    records.push([kind, conn, ...code, ...(text ? [text] : [])]);
    at += 9 + length;
  }
  return records;
}

/** What was handed over since the last call, a list a message. */
const heard = () => batches.splice(0).map(read);

function say(data) {
  worker.onmessage({ data });
}

/** Time passes, for the clock and the timers. */
function pass(ms) {
  for (let at = 0; at < ms; at++) {
    clock += 1;
    mock.timers.tick(1);
  }
}

beforeEach(async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  clock = 1000;
  sockets = [];
  batches = [];
  ticks = 0;
  worker = {
    close() {
      this.closed = true;
    },
    postMessage(batch, transfer) {
      if (batch === null) return void (ticks += 1);
      assert.deepEqual(transfer, [batch], "handed over, not copied");
      batches.push(batch);
    },
  };
  Object.assign(globalThis, { self: worker, WebSocket: Socket });
  mock.method(performance, "now", () => clock);
  await import(`../dist/relay.js?${number++}`);
  assert.deepEqual(heard(), [[["ready", 2]]]);
});

afterEach(() => {
  mock.reset();
  mock.timers.reset();
});

function connect(conn) {
  say([conn, "ws://host/live", "fresh.v1"]);
  const socket = sockets.at(-1);
  socket.open();
  assert.deepEqual(heard(), [[["opened", conn]]]);
  pass(100);
  return socket;
}

test("a socket is opened, used and closed", () => {
  const socket = connect(7);
  assert.deepEqual([socket.url, socket.protocol, socket.binaryType], ["ws://host/live", "fresh.v1", "arraybuffer"]);
  say([7, "hello"]);
  assert.deepEqual(socket.sent, ["hello"]);
  say([7, ""]);
  assert.equal(socket.closed, 1000);
  socket.say("a late word");
  assert.deepEqual(heard(), []);
});

test("a socket need not have a subprotocol", () => {
  say([7, "ws://host/socket.io/", ""]);
  assert.deepEqual([sockets[0].url, sockets[0].protocol], ["ws://host/socket.io/", []]);
});

test("what is said to a socket that is not open is dropped", () => {
  say([1, "ws://host/live", "fresh.v1"]);
  say([1, "early"]);
  say([2, "never opened"]);
  say([2, ""]);
  assert.deepEqual(sockets[0].sent, []);
});

test("a frame in a quiet time is handed over at once", () => {
  const socket = connect(7);
  socket.say('{"t":"ev"}');
  assert.deepEqual(heard(), [[["frame", 7, '{"t":"ev"}']]]);
});

test("frames of a busy time come in one message a frame of the screen, in their order", () => {
  const socket = connect(7);
  for (let n = 0; n < 1000; n++) {
    socket.say(`${n}`);
    if (n % 10 === 9) pass(1);
  }
  pass(100);
  const messages = heard();
  assert.ok(messages.length <= 1 + Math.ceil(100 / 16) + 1, `${messages.length} messages`);
  assert.deepEqual(
    messages.flat().map(([, , text]) => text),
    Array.from({ length: 1000 }, (_, n) => `${n}`),
  );
});

test("the last frame of a burst is handed over without another one", () => {
  const socket = connect(7);
  socket.say("first");
  socket.say("last");
  assert.deepEqual(heard(), [[["frame", 7, "first"]]]);
  pass(16);
  assert.deepEqual(heard(), [[["frame", 7, "last"]]]);
});

test("text of any kind, and bytes, arrive as they were", () => {
  const socket = connect(7);
  const texts = ["é🦶\u0000\u2028", "", "x".repeat(200_000), "\u{10ffff}".repeat(50_000)];
  for (const text of texts) socket.say(text);
  socket.say(new TextEncoder().encode("bytes").buffer);
  pass(16);
  const frames = heard().flat();
  assert.deepEqual(
    frames.map(([kind, , text = ""]) => [kind, text]),
    [...texts.map((text) => ["frame", text]), ["bytes", "bytes"]],
  );
});

test("a flood is handed over before it fills the memory", () => {
  const socket = connect(7);
  for (let n = 0; n < 1000; n++) socket.say("x".repeat(1000));
  const messages = batches.map((batch) => batch.byteLength);
  assert.ok(messages.length >= 3 && Math.max(...messages) < 300_000, `${messages}`);
});

test("a close comes after the frames before it, with its code and words", () => {
  const socket = connect(7);
  socket.say("first");
  socket.say("second");
  socket.onclose({ code: 4403, reason: "fort: é" });
  assert.deepEqual(heard(), [
    [["frame", 7, "first"]],
    [
      ["frame", 7, "second"],
      ["closed", 7, 4403, "fort: é"],
    ],
  ]);
  pass(100);
  assert.deepEqual(heard(), [], "nothing is handed over twice");
});

test("a socket that cannot be made is one that closed", () => {
  say([3, "bad", "fresh.v1"]);
  assert.deepEqual(heard(), [[["closed", 3, 1006, "SyntaxError: a bad address"]]]);
});

test("at its end it sends what it was given, closes every socket and itself", () => {
  const socket = connect(7);
  say([7, "bye"]);
  say(null);
  assert.deepEqual([socket.sent, socket.closed, worker.closed], [["bye"], 1000, true]);
  socket.say("a late word");
  assert.deepEqual(heard(), []);
});

test("the page's own timers have a tick of theirs", () => {
  say(100);
  say([70]);
  say([50]);
  pass(50);
  assert.deepEqual([ticks, heard()], [1, []]);
  pass(50);
  assert.deepEqual([ticks, heard()], [1, [[["tick", 0]]]]);
  pass(1000);
  assert.equal(ticks, 1);
});

test("the timer ticks once, at the last moment that was said", () => {
  say(50);
  pass(20);
  say(100);
  pass(99);
  assert.deepEqual(heard(), []);
  pass(1);
  assert.deepEqual(heard(), [[["tick", 0]]]);
  pass(1000);
  assert.deepEqual(heard(), []);
});
