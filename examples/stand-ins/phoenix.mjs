// A server of the Phoenix protocol, and of Supabase Realtime on top of it. It is ours: no server of either is to
// be had as a package, so this is written from what was recorded of the real ones (`tests/wires/phoenix.jsonl`,
// `supabase.jsonl`) and does what they did there: the same frames for the same questions, in the same order. The
// official clients, which are packages, are run against it in `tests/e2e/phoenix.test.mjs` and `supabase.test.mjs`, so
// that it is not only we who understand it, and changes of rows of a real PostgreSQL are put through it in
// `supabase-database.test.mjs`. What is wanted of it comes as JSON in the first argument.

import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { text } from "node:stream/consumers";

import { WebSocketServer } from "ws";

import { away } from "../socketio/doors.mjs";
import { follow } from "../socketio/follow.mjs";
import { app } from "./app.mjs";

/**
 * `tokens`: those that are good; any is if it is left out. `readyMs`: after how long changes are told.
 * `patienceMs`: after how long without a word a client is left. `source`: a server of fresh.v1 whose tasks are the rows, and whose events are told on the topic `room:tasks`.
 * `windowMs`: how long a request waits for messages.
 */
const { port, www, data, tokens, source, readyMs = 50, patienceMs = 60_000, windowMs = 10_000 } = JSON.parse(process.argv[2]);
const PLAIN = "/socket/websocket";
const SUPABASE = "/realtime/v1/websocket";
const TASKS = "room:tasks";
const CALENDAR = "room:calendar";
const POLLS = { "/socket/longpoll": PLAIN, "/realtime/v1/longpoll": SUPABASE };

const clients = new Set();
/** What clients have dialled and said, for who wants to compare. */
const dialled = [];
const said = [];
/** Reasons by topic for which joins are refused. */
const refusals = new Map();
/** What the database has broadcast on private channels, and when. */
const kept = [];
/** As many of it as are told again at most, and if nothing is said. */
const REPLAYED = { most: 25, usual: 10 };
let connects = 0;

const isGood = (token) => tokens === undefined || tokens.includes(token);
const clientsOf = (topic) => [...clients].filter((client) => client.topics.has(topic));

class Client {
  topics = new Map();
  #socket;
  #patience;

  constructor(socket, url) {
    this.#socket = socket;
    this.first = url.searchParams.get("vsn") !== "2.0.0";
    this.project = url.pathname === SUPABASE;
    clients.add(this);
    connects += 1;
    this.#wait();
    socket.on("message", (bytes, binary) => {
      this.#wait();
      said.push(binary ? { hex: bytes.toString("hex") } : { text: bytes.toString() });
      if (binary) return this.#heardBytes(bytes);
      try {
        this.#heard(this.#read(bytes.toString()));
      } catch {
        // Phoenix ends the connection; Supabase writes it down and goes on.
        if (!this.project) socket.close(1011);
      }
    });
    socket.on("close", () => {
      clearTimeout(this.#patience);
      clients.delete(this);
      for (const topic of this.topics.keys()) this.#untrack(topic);
    });
  }

  #wait() {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.close(1000), patienceMs);
  }

  #read(text) {
    if (this.first) {
      const { join_ref = null, ref, topic, event, payload } = JSON.parse(text);
      return [join_ref, ref, topic, event, payload];
    }
    return JSON.parse(text);
  }

  say(join, ref, topic, event, payload) {
    this.sayText(join, ref, topic, event, JSON.stringify(payload ?? null));
  }

  /** The payload is JSON already. */
  sayText(join, ref, topic, event, payload) {
    const head = JSON.stringify(this.first ? { ref, topic, event } : [join, ref, topic, event]);
    const last = this.first ? `"payload":${payload}}` : `${payload}]`;
    this.#socket.send(`${head.slice(0, -1)},${last}`);
  }

  reply([join, ref, topic], status, response) {
    this.say(join, ref, topic, "phx_reply", { status, response });
  }

  bytes(...parts) {
    this.#socket.send(Buffer.concat(parts.map((part) => Buffer.from(part))));
  }

  close(code) {
    this.#socket.close(code);
  }

  end(topic, event, payload) {
    const { join, ready } = this.topics.get(topic);
    clearTimeout(ready);
    this.#untrack(topic);
    this.topics.delete(topic);
    this.say(join, join, topic, event, payload);
  }

  system(topic, extension, status, message) {
    const channel = topic.replace("realtime:", "");
    this.say(this.topics.get(topic).join, null, topic, "system", { message, status, extension, channel });
  }

  #heard(message) {
    const [join, , topic, event, payload] = message;
    if (topic === "phoenix") return this.reply(message, "ok", {});
    if (event === "phx_join") return this.#join(message);
    const known = this.topics.get(topic);
    if (known === undefined) return this.reply(message, "error", { reason: "unmatched topic" });
    // What belongs to a former join is dropped without a word.
    if (!this.first && join !== known.join) return;
    if (event === "phx_leave") {
      this.reply(message, "ok", {});
      return this.end(topic, "phx_close", {});
    }
    if (event === "access_token") return this.#renew(topic, payload.access_token);
    if (event === "presence" && this.project) return this.#presence(message, known);
    if (event === "shout") return emit({ topic, event, payload });
    this.reply(message, "ok", {});
  }

  #join([join, ref, topic, , payload]) {
    const answered = [join, ref, topic];
    if (!topic.startsWith(this.project ? "realtime:" : "room:")) {
      return this.reply([null, ref, topic], "error", { reason: "unmatched topic" });
    }
    if (refusals.has(topic)) return this.reply(answered, "error", { reason: refusals.get(topic) });
    const token = this.project ? payload.access_token : payload.token;
    if (!isGood(token) && (this.project || token !== undefined)) {
      const reason = this.project ? "InvalidJWTToken: Token has expired 3 seconds ago" : "unauthorized";
      return this.reply(answered, "error", { reason });
    }
    const before = this.topics.get(topic);
    if (before !== undefined) this.#untrack(topic);
    const known = { join: join ?? ref, changes: [] };
    this.topics.set(topic, known);
    if (this.project) this.#joined(answered, known, payload.config);
    else {
      this.reply(answered, "ok", { echo: payload });
      // Such a server tracks whom it wants, and what came of that is told before who is there.
      if (payload.as !== undefined) {
        Object.assign(known, { key: payload.as, sees: true });
        this.#track(topic, { status: "viewing" });
        this.#tellWhoIsThere(topic);
      }
    }
    if (before !== undefined) this.say(before.join, before.join, topic, "phx_close", {});
  }

  #joined(answered, known, { postgres_changes = [], presence, broadcast, private: isPrivate = false }) {
    const [, , topic] = answered;
    const missed = broadcast?.replay && keptOf(topic, broadcast.replay);
    if (missed && !isPrivate) {
      this.topics.delete(topic);
      return this.reply(answered, "error", { reason: "UnableToReplayMessages: Replay is not allowed for public channels" });
    }
    // What is told again to this join is not told to it in the usual way, however late that is.
    Object.assign(known, { isPrivate, replayed: new Set(missed?.map(({ id }) => id)) });
    known.changes = postgres_changes.map((change) => ({ id: hash(JSON.stringify(change)), ...change }));
    this.reply(answered, "ok", { postgres_changes: known.changes });
    Object.assign(known, { key: presence?.key || randomUUID(), sees: presence?.enabled === true, calls: 0, window: 0 });
    for (const message of missed ?? []) this.tellKept(topic, known.join, message, { replayed: true, id: message.id });
    if (known.sees) this.#tellWhoIsThere(topic);
    this.#tellChanges(topic);
  }

  /** What the database broadcast: bytes in the second version as those of a client, and not at all in the first. */
  tellKept(topic, join, { event, payload, bytes }, meta) {
    if (bytes === undefined) return this.say(join, null, topic, "broadcast", { payload, event, type: "broadcast", meta });
    if (this.first) return;
    const of = JSON.stringify(meta);
    this.bytes([4, topic.length, event.length, of.length, 0], topic, event, of, bytes);
  }

  #tellWhoIsThere(topic) {
    const state = {};
    for (const { topics } of clients) {
      const { key, meta } = topics.get(topic) ?? {};
      if (meta) (state[key] ??= { metas: [] }).metas.push(meta);
    }
    this.say(this.topics.get(topic).join, null, topic, "presence_state", state);
  }

  /** A client of Supabase shows itself, or does not any more. More than five times in 30 s end the channel. */
  #presence(message, known) {
    const [, , topic, , { event, payload }] = message;
    const now = Date.now();
    if (now > known.window) Object.assign(known, { calls: 0, window: now + 30_000 });
    known.calls += 1;
    if (known.calls > 5) {
      this.system(topic, "system", "error", "Client presence rate limit exceeded");
      return this.end(topic, "phx_close", {});
    }
    this.reply(message, "ok", {});
    if (event === "untrack") return this.#untrack(topic);
    if (JSON.stringify(payload) === JSON.stringify(known.payload)) return;
    // Who shows itself sees the others from then on.
    if (!known.sees) {
      known.sees = true;
      this.#tellWhoIsThere(topic);
    }
    this.#track(topic, payload);
  }

  #track(topic, payload) {
    const known = this.topics.get(topic);
    const before = known.meta;
    known.payload = payload;
    known.meta = { phx_ref: randomUUID(), ...(before && { phx_ref_prev: before.phx_ref }), ...payload };
    tellDiff(topic, known.key, before, known.meta);
  }

  #untrack(topic) {
    const { key, meta } = this.topics.get(topic) ?? {};
    if (meta === undefined) return;
    Object.assign(this.topics.get(topic), { meta: undefined, payload: undefined });
    tellDiff(topic, key, meta);
  }

  #tellChanges(topic) {
    const known = this.topics.get(topic);
    if (known.changes.length === 0) return;
    known.ready = setTimeout(() => {
      known.told = true;
      this.system(topic, "postgres_changes", "ok", "Subscribed to PostgreSQL");
    }, readyMs);
  }

  #renew(topic, token) {
    if (isGood(token)) return this.#tellChanges(topic);
    this.system(topic, "system", "error", "Token has expired 3 seconds ago");
    this.end(topic, "phx_close", {});
  }

  /** A broadcast of a client of Supabase, which goes to everybody else. */
  #heardBytes(bytes) {
    const [kind, joinLength, refLength, topicLength, eventLength, metaLength, encoding] = bytes;
    if (kind !== 3) return this.close(1011);
    let at = 7;
    const part = (length) => bytes.subarray(at, (at += length)).toString();
    const [join, ref, topic, event] = [joinLength, refLength, topicLength, eventLength].map(part);
    const payload = bytes.subarray(at + metaLength);
    for (const client of clientsOf(topic)) {
      if (client !== this) client.bytes([4, topic.length, event.length, 0, encoding], topic, event, payload);
    }
    this.reply([join, ref, topic], "ok", {});
  }
}

/** Sessions over requests by their names. */
const sessions = new Map();

/** One of them, in the place of a socket. */
class Session extends EventEmitter {
  token = randomUUID();
  #held = [];
  #waits;
  #window;
  #gone;

  constructor() {
    super();
    sessions.set(this.token, this);
    this.#leave();
  }

  /** It is over when nobody has waited for so long. */
  #leave() {
    clearTimeout(this.#gone);
    this.#gone = setTimeout(() => this.close(), windowMs * 1.5);
  }

  send(message) {
    this.#held.push(message.toString());
    this.#tell();
  }

  wait(response) {
    this.#waits = response;
    this.#leave();
    this.#window = setTimeout(() => this.#answer(204), windowMs);
    response.on("close", () => this.#waits === response && (this.#waits = undefined));
    this.#tell();
  }

  #tell() {
    // Messages of one moment go together.
    if (this.#waits && this.#held.length > 0) setTimeout(() => this.#waits && this.#held.length > 0 && this.#answer(200), 2);
  }

  #answer(status) {
    clearTimeout(this.#window);
    // Nobody waits any more.
    if (this.#waits === undefined) return;
    this.#leave();
    answer(this.#waits, { status, token: this.token, messages: this.#held.splice(0) });
    this.#waits = undefined;
  }

  close() {
    if (!sessions.delete(this.token)) return;
    [this.#gone, this.#window].forEach(clearTimeout);
    if (this.#waits) answer(this.#waits, { status: 410 });
    this.emit("close");
  }
}

/** The status of HTTP is always 200. */
function answer(response, body) {
  response.writeHead(200, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

/** What `phoenix_longpoll` was recorded of. False if the request is another one. */
function polls(request, response) {
  const url = new URL(request.url, "http://here");
  const like = POLLS[url.pathname];
  if (like === undefined) return false;
  const session = sessions.get(url.searchParams.getAll("token").at(-1));
  if (request.method === "POST") {
    if (session === undefined) answer(response, { status: 410 });
    else {
      text(request).then((body) => {
        // Any other body is one message.
        const lines = request.headers["content-type"] === "application/x-ndjson" ? body.split("\n") : [body];
        lines.forEach((line) => session.emit("message", Buffer.from(line), false));
        answer(response, { status: 200 });
      });
    }
  } else if (session) session.wait(response);
  else begin(request, response, like);
  return true;
}

function begin(request, response, like) {
  // What a session is named by is no token of the app's, but stands in its place.
  const url = new URL(request.url, "http://here");
  if (refuses(url, like)) return answer(response, { status: 403 });
  dialled.push(request.url.replace(/&$/, ""));
  const session = new Session();
  url.pathname = like;
  new Client(session, url);
  answer(response, { status: 410, token: session.token, messages: [] });
}

/** Why a connection at this address is refused; nothing if it is not. */
function refuses(url, path) {
  const vsn = url.searchParams.get("vsn") ?? "1.0.0";
  if (path === SUPABASE) return url.searchParams.get("apikey") ? undefined : ["401 Unauthorized", '{"error":"API key is missing"}'];
  const token = url.searchParams.getAll("token").at(-1) || null;
  const known = path === PLAIN && ["1.0.0", "2.0.0"].includes(vsn);
  return known && (token === null || isGood(token)) ? undefined : ["403 Forbidden", ""];
}

/** A number of 27 bits, as the server makes one of what was asked for. */
function hash(text) {
  let sum = 7;
  for (const byte of Buffer.from(text)) sum = (sum * 31 + byte) % 134_217_689;
  return sum;
}

function emit({ topic, event, payload, bytes }) {
  for (const client of clientsOf(topic)) {
    if (bytes) client.bytes([2, Buffer.byteLength(topic), event.length], topic, event, bytes);
    else if (client.project) client.say(null, null, topic, "broadcast", { type: "broadcast", event, payload });
    else client.say(null, null, topic, event, payload);
  }
}

/** The newest of what is kept of a topic since a moment, the oldest of them first. */
function keptOf(topic, { since = 0, limit = REPLAYED.usual }) {
  const all = kept.filter((message) => message.topic === topic && message.at >= since);
  return all.slice(-Math.max(Math.min(limit, REPLAYED.most), 1));
}

/** The database broadcasts on a private channel, and keeps it: `realtime.send`. */
function broadcast({ topic, event, payload, bytes, silent = false }) {
  const message = { id: randomUUID(), at: Date.now(), topic, event, payload, bytes };
  kept.push(message);
  if (silent) return;
  for (const client of clientsOf(topic)) {
    const { isPrivate, replayed } = client.topics.get(topic);
    if (isPrivate && !replayed.has(message.id)) client.tellKept(topic, null, message, { id: message.id });
  }
}

/** Tells who sees others what one of them shows instead of what it showed before. */
function tellDiff(topic, key, before, after) {
  const of = (meta) => (meta ? { [key]: { metas: [meta] } } : {});
  for (const client of clientsOf(topic)) {
    if (client.topics.get(topic).sees) client.say(null, null, topic, "presence_diff", { leaves: of(before), joins: of(after) });
  }
}

/**
 * Tells of a change of a row whoever asked for it.
 *
 * @param raw the text of its `data` where a database has written it, which is passed on to the letter: numbers of ours have fewer digits
 */
function change({ raw, ...made }) {
  const { type, table, record, old_record } = raw === undefined ? made : JSON.parse(raw);
  for (const client of clients) {
    for (const [topic, { told, changes }] of client.topics) {
      const row = record ?? old_record;
      const fits = ({ event, table: of, filter = "" }) => {
        const [, column, value] = /^(\w+)=eq\.(.*)$/.exec(filter) ?? [];
        return (event === "*" || event === type) && of === table && (column === undefined || String(row[column]) === value);
      };
      const ids = changes.filter(fits).map(({ id }) => id);
      if (!told || ids.length === 0) continue;
      const written = { schema: "public", table, type, commit_timestamp: new Date().toISOString(), columns: [], record, old_record, errors: null };
      const data = raw ?? JSON.stringify(written);
      client.sayText(null, null, topic, "postgres_changes", `{"ids":${JSON.stringify(ids)},"data":${data}}`);
    }
  }
}

const http = app({
  www,
  data,
  told({ id, title }) {
    emit({ topic: TASKS, event: "task_created", payload: { title } });
    change({ type: "INSERT", table: "tasks", record: { id, title, project_id: "p1" } });
  },
  doors: {
    "/lab/away": ({ ms }) => void setTimeout(away, 20, http, () => clients.forEach((client) => client.close(1001)), ms),
    "/demo/emit": emit,
    "/demo/broadcast": broadcast,
    "/demo/change": change,
    "/demo/crash": ({ topic }) => clientsOf(topic).forEach((client) => client.end(topic, "phx_error", { reason: "channel_crash" })),
    "/demo/close": ({ topic }) => clientsOf(topic).forEach((client) => client.end(topic, "phx_close", {})),
    "/demo/system": ({ topic, extension, status, message }) =>
      clientsOf(topic).forEach((client) => client.system(topic, extension, status, message)),
    "/demo/refuse": ({ topic, reason }) => void (reason ? refusals.set(topic, reason) : refusals.delete(topic)),
    "/demo/disconnect": () => clients.forEach((client) => client.close(1001)),
    "/demo/said": () => ({ dialled, said }),
  },
  takes: polls,
  stats: () => ({ sockets_open: clients.size, connects }),
});

const sockets = new WebSocketServer({ noServer: true });
http.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url, "http://here");
  const refused = refuses(url, url.pathname);
  if (refused) {
    const [status, body] = refused;
    return socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  }
  dialled.push(request.url);
  sockets.handleUpgrade(request, socket, head, (opened) => new Client(opened, url));
});

/** A row of a table with `replica identity full`: with its change comes the whole of what it was. */
function moved({ id, title, type, version, start_time, end_time, old_start_time, old_end_time }) {
  const row = { id, title, type };
  const record = { ...row, start_time, end_time, version };
  change({ type: "UPDATE", table: "timeblocks", record, old_record: { ...row, start_time: old_start_time, end_time: old_end_time, version: version - 1 } });
}

if (source !== undefined) {
  // A row for each of its events, as the feed of the database behind that server tells it; and the event, as an app's own server does.
  const types = { task_created: "INSERT", task_updated: "UPDATE", task_deleted: "DELETE" };
  follow(source, ["tasks", "calendar"], ({ ch, name, data: row }) => {
    emit({ topic: ch === "tasks" ? TASKS : CALENDAR, event: name, payload: row });
    if (name === "timeblock_updated") moved(row.timeblock);
    if (name in types) change({ type: types[name], table: "tasks", [name === "task_deleted" ? "old_record" : "record"]: row });
  });
}

http.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
