// A server of the protocol of Centrifugo. It is ours: the real one is a program that is to be had as no package of the registries that
// the tests use, so this is written from what was recorded of the Go library inside it (`tests/wires/centrifugo.jsonl`), and does what
// that did there. The official client, which is a package, is run against it in `tests/e2e/centrifugo.test.mjs`, so that it is not only
// we who understand it. What is wanted of it comes as JSON in the first argument.

import { randomUUID } from "node:crypto";

import { WebSocketServer } from "ws";

import { away } from "../socketio/doors.mjs";
import { follow } from "../socketio/follow.mjs";
import { app } from "./app.mjs";

/**
 * `tokens`: those that are good; any is if it is left out. `ttl`: for how many seconds a token is. `ping`: how many seconds are between
 * two signs of life. `keeps`: how many publications of each channel are kept. `given`: channels that the server subscribes by itself.
 * `channelTtl`: for how many seconds the token of a channel is good; one whose name begins with `private:` wants one of those that were
 * named at `/demo/channel-tokens`, which is `one` until then.
 * `deltas`: payloads are told as what is new of each where a client wants that. `source`: a server of fresh.v1 whose events are
 * published on the channel `tasks:all`.
 */
const { port, www, data, tokens, ttl, ping = 25, keeps = 100, given = [], channelTtl, deltas = false, source } = JSON.parse(process.argv[2]);
const PATH = "/connection/websocket";
const TASKS = "tasks:all";
/** A client that says nothing for so long after a sign of life is left. */
const PONG_MS = 8000;
/** For how much longer than said a token is good. The client's own library asks for another one only when it has ended. */
const GRACE_MS = 5000;

let channelTokens = ["one"];
const clients = new Set();
/** What clients have dialled and said, for who wants to compare. */
const dialled = [];
const said = [];
/** Errors by channel with which subscriptions are refused. */
const refusals = new Map();
let connects = 0;
/** A server that starts anew has another epoch: it keeps nothing on a disk. */
const epoch = randomUUID().slice(0, 4);
const channels = new Map();

const isGood = (token) => tokens === undefined || tokens.includes(token);
const clientsOf = (channel) => [...clients].filter((client) => client.subscribed.has(channel));

/** What was published on a channel that has a history; `plain:` has none. */
function stream(channel) {
  if (channel.startsWith("plain:")) return undefined;
  if (!channels.has(channel)) channels.set(channel, { offset: 0, kept: [] });
  return channels.get(channel);
}

class Client {
  id = randomUUID();
  subscribed = new Map();
  #socket;
  #known = false;
  #lives;
  #ends;
  #answers;

  constructor(socket) {
    this.#socket = socket;
    clients.add(this);
    socket.on("message", (bytes) => {
      said.push(bytes.toString());
      for (const line of bytes.toString().split("\n").filter(Boolean)) this.#heard(line);
    });
    socket.on("close", () => {
      [this.#ends, this.#answers].forEach(clearTimeout);
      clearInterval(this.#lives);
      clients.delete(this);
      for (const channel of this.subscribed.keys()) this.#tell(channel, "leave");
    });
  }

  say(...messages) {
    this.#socket.send(messages.map((message) => JSON.stringify(message)).join("\n"));
  }

  push(channel, what) {
    this.say({ push: { channel, ...what } });
  }

  close(code, reason = "") {
    this.#socket.close(code, reason);
  }

  #heard(line) {
    let command;
    try {
      command = JSON.parse(line);
    } catch {
      return this.close(3501, "bad request");
    }
    if (Object.keys(command).length === 0) return clearTimeout(this.#answers);
    const { id, connect, ...rest } = command;
    if (id === undefined || (connect !== undefined) === this.#known) return this.close(3501, "bad request");
    if (connect) return this.#connect(id, connect);
    const [[method, body]] = Object.entries(rest);
    const does = {
      subscribe: this.#subscribe,
      unsubscribe: this.#unsubscribe,
      presence: this.#presence,
      refresh: this.#refresh,
      sub_refresh: this.#subRefresh,
      publish: this.#publish,
    }[method];
    if (does === undefined) return this.error(id, 104, "method not found");
    does.call(this, id, body);
  }

  error(id, code, message, temporary) {
    this.say({ id, error: { code, message, temporary } });
  }

  #connect(id, { token, subs = {} }) {
    if (token === "old") return this.error(id, 109, "token expired");
    if (!isGood(token)) return this.close(3500, "invalid token");
    this.#known = true;
    connects += 1;
    this.token = token;
    const states = given.map((channel) => {
      this.subscribed.set(channel, { given: true });
      return [channel, state(channel, subs[channel])];
    });
    const known = { client: this.id, version: "test", ping, pong: true, ...this.#expiry() };
    this.say({ id, connect: states.length > 0 ? { ...known, subs: Object.fromEntries(states) } : known });
    this.#lives = setInterval(() => {
      this.say({});
      this.#answers = setTimeout(() => this.close(3012, "no pong"), PONG_MS);
    }, ping * 1000);
  }

  /** The token is good for so long from now on. */
  #expiry() {
    if (ttl === undefined) return {};
    clearTimeout(this.#ends);
    this.#ends = setTimeout(() => this.close(3005, "connection expired"), ttl * 1000 + GRACE_MS);
    return { expires: true, ttl };
  }

  #subscribe(id, { channel, join_leave, token, delta, ...from }) {
    if (this.subscribed.has(channel)) return this.error(id, 105, "already subscribed");
    const refusal = refusals.get(channel);
    if (refusal) return this.error(id, refusal.code, refusal.message, refusal.temporary);
    const isPrivate = channel.startsWith("private:");
    // As the real one does: one that has ended may be followed by another, and any other is as good as none.
    if (isPrivate && token === "old") return this.error(id, 109, "token expired");
    if (isPrivate && !channelTokens.includes(token)) return this.error(id, 103, "permission denied");
    const told = deltas && delta === "fossil";
    this.subscribed.set(channel, { presence: join_leave, told });
    const { publications, ...stands } = state(channel, from);
    const missed = told && publications ? inDeltas(publications) : publications;
    this.say({ id, subscribe: { ...stands, publications: missed, delta: told || undefined, ...(isPrivate && this.#channelExpiry(channel)) } });
    this.#tell(channel, "join");
  }

  /** The token of a channel is good for so long from now on. */
  #channelExpiry(channel) {
    if (channelTtl === undefined) return {};
    const state = this.subscribed.get(channel);
    clearTimeout(state.ends);
    state.ends = setTimeout(() => {
      if (this.subscribed.get(channel) === state) this.takesBack(channel, 2501);
    }, channelTtl * 1000 + GRACE_MS);
    return { expires: true, ttl: channelTtl };
  }

  #subRefresh(id, { channel, token }) {
    if (!this.subscribed.has(channel)) return this.error(id, 103, "permission denied");
    if (!channelTokens.includes(token)) return this.error(id, 109, "token expired");
    this.say({ id, sub_refresh: this.#channelExpiry(channel) });
  }

  #tell(channel, kind) {
    for (const client of clientsOf(channel)) {
      const { presence } = client.subscribed.get(channel);
      if (presence) client.push(channel, { [kind]: { info: this.#info() } });
    }
  }

  /** What others see of a client: whose token it is, and what the server knows of whoever that is. */
  #info() {
    return { user: this.token ?? "", client: this.id, ...(this.token && { conn_info: { name: this.token } }) };
  }

  #presence(id, { channel }) {
    if (!this.subscribed.has(channel)) return this.error(id, 103, "permission denied");
    this.say({ id, presence: { presence: Object.fromEntries(clientsOf(channel).map((client) => [client.id, client.#info()])) } });
  }

  #unsubscribe(id, { channel }) {
    this.subscribed.delete(channel);
    this.say({ id, unsubscribe: {} });
    this.#tell(channel, "leave");
  }

  #refresh(id, { token }) {
    if (!isGood(token)) return this.error(id, 109, "token expired");
    this.token = token;
    this.say({ id, refresh: this.#expiry() });
  }

  #publish(id, { channel, data }) {
    publish({ channel, data });
    this.say({ id, publish: {} });
  }

  /** Tells a publication, as what is new of it if the client has the one before. */
  publish(channel, publication) {
    const state = this.subscribed.get(channel);
    const pub = state.told ? asText(publication, state.base) : publication;
    state.base = JSON.stringify(publication.data);
    this.push(channel, { pub });
  }

  takesBack(channel, code) {
    this.subscribed.delete(channel);
    this.push(channel, { unsubscribe: { code, reason: "a test wants it" } });
  }
}

/** How a channel stands for who wants it from a place on. */
function state(channel, { recover = false, epoch: theirs, offset = 0 } = {}) {
  const { offset: last, kept } = stream(channel) ?? {};
  if (last === undefined) return recover ? { was_recovering: true } : {};
  const stands = { recoverable: true, positioned: true, epoch, offset: last };
  if (!recover) return stands;
  const missed = kept.filter((publication) => publication.offset > offset);
  const recovered = theirs === epoch && missed.length === last - offset;
  if (!recovered) return { ...stands, was_recovering: true };
  // Zero and nothing are left out.
  return { ...stands, offset: offset || undefined, was_recovering: true, recovered, publications: missed.length > 0 ? missed : undefined };
}

/** `lost`: nobody is told, as if a broker had lost it on the way. */
function publish({ channel, data, lost = false }) {
  const history = stream(channel);
  const publication = { data };
  if (history) {
    history.offset += 1;
    publication.offset = history.offset;
    history.kept = [...history.kept, publication].slice(-keeps);
  }
  if (!lost) clientsOf(channel).forEach((client) => client.publish(channel, publication));
}

/** A publication whose payload is a text of JSON, or of what is new of it. */
function asText({ data, ...publication }, base) {
  const text = JSON.stringify(data);
  return base === undefined ? { data: text, ...publication } : { data: fossil(base, text), ...publication, delta: true };
}

/** The first one whole, and each of the others as what is new of it. */
function inDeltas(publications) {
  return publications.map((publication, at) => asText(publication, at > 0 ? JSON.stringify(publications[at - 1].data) : undefined));
}

/** What makes a text of another in the delta format of Fossil: what they begin and end with alike is copied. */
function fossil(base, target) {
  const [old, text] = [Buffer.from(base), Buffer.from(target)];
  const most = Math.min(old.length, text.length);
  let head = 0;
  while (head < most && old[head] === text[head]) head += 1;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
  const copied = (count, from) => (count > 0 ? `${base64(count)}@${base64(from)},` : "");
  const middle = text.subarray(head, text.length - tail);
  const added = middle.length > 0 ? `${base64(middle.length)}:${middle}` : "";
  return `${base64(text.length)}\n${copied(head, 0)}${added}${copied(tail, old.length - tail)}${base64(checksum(text))};`;
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

function base64(value) {
  return (value >= 64 ? base64(Math.floor(value / 64)) : "") + DIGITS[value % 64];
}

/** The sum of the words of 32 bits, the most significant byte first. */
function checksum(bytes) {
  const padded = Buffer.concat([bytes, Buffer.alloc(3)]);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum = (sum + padded.readUInt32BE(at)) % 2 ** 32;
  return sum;
}

const http = app({
  www,
  data,
  told({ title }) {
    for (const channel of [TASKS, "plain:tasks"]) publish({ channel, data: { type: "task_created", data: { title } } });
  },
  doors: {
    "/lab/away": ({ ms }) => void setTimeout(away, 20, http, () => clients.forEach((client) => client.close(1001)), ms),
    "/demo/publish": publish,
    "/demo/take-back": ({ channel, code }) => clientsOf(channel).forEach((client) => client.takesBack(channel, code)),
    "/demo/refuse": ({ channel, ...error }) => void (error.code ? refusals.set(channel, error) : refusals.delete(channel)),
    // What is new is told of a payload that nobody has, and that is longer.
    "/demo/spoil": ({ channel }) =>
      clientsOf(channel).forEach((client) => {
        const state = client.subscribed.get(channel);
        state.base = state.base.replace("lorem", "lorem lorem");
      }),
    "/demo/channel-tokens": ({ good }) => void (channelTokens = good),
    "/demo/disconnect": ({ code }) => clients.forEach((client) => client.close(code)),
    "/demo/said": () => ({ dialled, said }),
  },
  stats: () => ({ sockets_open: clients.size, connects }),
});

const sockets = new WebSocketServer({ noServer: true });
http.on("upgrade", (request, socket, head) => {
  if (new URL(request.url, "http://here").pathname !== PATH) return socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  dialled.push(request.url);
  sockets.handleUpgrade(request, socket, head, (opened) => new Client(opened));
});

if (source !== undefined) follow(source, ["tasks", "calendar"], ({ ch, name, data }) => publish({ channel: `${ch}:all`, data: { type: name, data } }));

http.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
