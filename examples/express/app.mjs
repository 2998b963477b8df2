// A server of fresh.v1 (docs/protocol.md): its core, with events in memory.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

import express from "express";
import { WebSocketServer } from "ws";

const [PROTOCOL, SUBS_MAX, KEPT] = ["fresh.v1", 50, 500];
const [FRAME_MAX, MISSED_BYTES_MAX, WAITING_BYTES_MAX] = [2 ** 16, 2 ** 20 - 4096, 2 ** 23];
const [PING_MS, HELLO_MS] = [process.env.PING_MS ?? 25_000, process.env.HELLO_MS ?? 10_000].map(Number);
const EPOCH = randomBytes(9).toString("base64url"); // Another one each start: what was in memory is lost.

const channels = new Map();

function channelOf(name) {
  if (!channels.has(name)) channels.set(name, { last: 0, kept: [], pages: new Set() });
  return channels.get(name);
}

class End extends Error { // The connection is to end, with an error that says why and a close code.
  constructor(code, close = 4400, message = code) {
    super(message);
    Object.assign(this, { code, close });
  }
}

const isInteger = (value) => Number.isSafeInteger(value) && value >= 0;
const isText = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isName = (text, most) =>
  isText(text) && text !== "" && Buffer.byteLength(text) <= most && !/[\u0000-\u001f\u007f-\u009f]/.test(text);

function field(message, name, is) {
  if (!is(message[name])) throw new End("bad_request", 4400, `\`${name}\` is missing or not what it should be`);
  return message[name];
}

class Page {
  client;
  subs = new Set();
  #unheard = 0;
  #pings = 0;

  constructor(socket) {
    this.socket = socket;
    this.timer = setTimeout(() => this.#watch(), HELLO_MS);
    socket.on("message", (data, isBinary) => this.#frame(data, isBinary));
    socket.on("error", () => {}); // `close` follows.
    socket.on("close", () => {
      clearTimeout(this.timer);
      for (const name of this.subs) channelOf(name).pages.delete(this);
    });
  }

  tell(message) {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.socket.send(JSON.stringify(message));
    if (this.socket.bufferedAmount > WAITING_BYTES_MAX) this.socket.close(4430); // It reads too slowly.
  }

  end({ code, close, message }) {
    this.tell({ t: "err", code, msg: message });
    this.socket.close(close);
  }

  #watch() {
    if (!this.client || this.#unheard === 2) return this.socket.close(4408);
    this.#unheard += 1;
    this.tell({ t: "ping", n: (this.#pings += 1) });
    this.timer = setTimeout(() => this.#watch(), PING_MS);
  }

  #frame(data, isBinary) {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.#unheard = 0;
    try {
      if (isBinary) throw new End("bad_request", 4400, "a frame is text");
      if (data.length > FRAME_MAX) throw new End("too_large", 4413);
      for (const part of data.toString().split("\n")) if (part.trim()) this.#hear(JSON.parse(part));
    } catch (error) {
      this.end(error instanceof End ? error : new End("bad_request", 4400, "a message is JSON"));
    }
  }

  #hear(message) {
    if (!isObject(message)) throw new End("bad_request", 4400, "a message is an object");
    const kind = field(message, "t", isText);
    if (kind === "hello") return this.#hello(message);
    if (!["sub", "unsub", "mut", "ping", "pong"].includes(kind)) return;
    if (!this.client) throw new End("bad_request", 4400, "the first message is `hello`");
    if (kind === "pong") return;
    if (kind === "ping") return this.tell({ t: "pong", n: field(message, "n", isInteger) });
    const id = field(message, "id", isInteger);
    if (kind === "mut") return this.tell({ t: "err", id, code: "unsupported", msg: "no writes here", retry: false });
    const about = { id, ch: field(message, "ch", isText) };
    if (!isName(about.ch, 255)) return this.tell({ t: "err", ...about, code: "bad_request", msg: "a bad name" });
    if (kind === "sub") return this.#sub(about, message.pos);
    this.subs.delete(about.ch);
    channelOf(about.ch).pages.delete(this);
    this.tell({ t: "unsubd", ...about });
  }

  #hello(message) {
    if (field(message, "v", isInteger) !== 1) throw new End("unsupported", 4406);
    if (this.client) throw new End("bad_request", 4400, "`hello` is said once");
    this.client = field(message, "client", (id) => isText(id) && /^[!-~]{1,64}$/.test(id));
    this.tell({ t: "welcome", v: 1, session: randomBytes(12).toString("base64url"), ping: PING_MS, now: Date.now() });
  }

  #sub(about, pos) {
    if (!this.subs.has(about.ch) && this.subs.size === SUBS_MAX) {
      return this.tell({ t: "err", ...about, code: "too_many_subs", msg: `at most ${SUBS_MAX}` });
    }
    const channel = channelOf(about.ch);
    let [missed, recovered] = [[], null];
    if (pos !== undefined && pos !== null) {
      const [epoch, seen] = [field(pos, "e", isText), field(pos, "s", isInteger)];
      // Who saw all but what is kept gets the rest, if it fits in a frame.
      recovered = epoch === EPOCH && seen <= channel.last && seen >= channel.last - channel.kept.length;
      if (recovered) missed = channel.kept.filter((event) => event.s > seen);
      if (Buffer.byteLength(JSON.stringify(missed)) > MISSED_BYTES_MAX) [missed, recovered] = [[], false];
    }
    this.subs.add(about.ch);
    channel.pages.add(this);
    this.tell({ t: "subd", ...about, pos: { e: EPOCH, s: channel.last }, recovered, missed });
  }
}

const app = express();
app.post("/publish", express.json(), ({ body }, response) => {
  const { channel: ch, name, data = null } = body ?? {};
  if (!isName(ch, 255) || !isName(name, 64)) return response.status(400).json({ error: "a bad name" });
  const channel = channelOf(ch);
  channel.last += 1; // A real server takes the number in the transaction of the write that the event tells of.
  const event = { t: "ev", ch, s: channel.last, name, data, at: Date.now() };
  if (channel.kept.push(event) > KEPT) channel.kept.shift();
  for (const page of channel.pages) page.tell(event);
  response.json({ channel: ch, e: EPOCH, s: channel.last });
});

const server = createServer(app);
// Accepted first and refused then: a page cannot tell a handshake that failed from a dead network.
const handleProtocols = (offered) => (offered.has(PROTOCOL) ? PROTOCOL : [...offered][0]);
new WebSocketServer({ server, path: "/live", maxPayload: 1024 * 1024, handleProtocols }).on("connection", (socket) => {
  const page = new Page(socket);
  if (socket.protocol !== PROTOCOL) page.end(new End("unsupported", 4406));
});
server.listen(Number(process.env.PORT ?? 4600), "127.0.0.1");
