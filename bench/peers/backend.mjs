// The other side of all contestants: one program, one event loop, one way to publish. Socket.IO is its own server; Phoenix,
// Supabase, Centrifugo and fresh.v1 are spoken as far as their clients need it here, from the frames that the real ones send
// (none of them can be had from npm). So what differs between two contestants is what runs in the page.

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createWall } from "node:net";
import { extname, join, normalize } from "node:path";
import { json } from "node:stream/consumers";

import { Server as SocketIo } from "socket.io";
import { WebSocketServer } from "ws";

import { History, SPOKEN } from "./protocols.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".wasm": "application/wasm" };
const NOW = () => performance.timeOrigin + performance.now();
/** How long the backend takes for a query. */
const QUERY_MS = 5;
/** And for a mutation. */
const MUTATION_MS = 2;

export class Backend {
  #http;
  #sockets = new Set();
  #io;
  #port = 0;
  #pages;
  /** Of each connection that hears of events: how it is told. */
  #hearers = new Set();
  /** Events of each family so far: what a query of it shows. */
  #versions = new Map();
  #history = new History();
  #wall;
  #tried = 0;
  /** When somebody connected, while that is watched. */
  #knocks = undefined;
  requests = 0;
  /** What became of mutations: how many were done, how often one came that had been done, and how many came after a later one
   * of their lane. */
  queue = { done: 0, again: 0, disorder: 0 };
  #keys = new Set();
  #lanes = new Map();

  constructor(pages) {
    this.#pages = pages;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get sockets() {
    return this.#hearers.size;
  }

  async start() {
    const http = createServer((request, response) => void this.#answer(request, response));
    this.#http = http;
    http.on("connection", (socket) => {
      this.#knocks?.push(performance.now());
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#io = new SocketIo(http, { transports: ["websocket"], serveClient: false, perMessageDeflate: false });
    this.#io.on("connection", (socket) => this.#hears(socket, (event) => socket.emit("changed", event), "disconnect"));
    const accept = new WebSocketServer({ noServer: true, perMessageDeflate: false, handleProtocols: (offered) => [...offered][0] });
    http.on("upgrade", (request, socket, head) => {
      const { pathname, searchParams } = new URL(request.url, this.url);
      const speak = SPOKEN[pathname];
      if (speak === undefined) return;
      accept.handleUpgrade(request, socket, head, (ws) => speak({ ws, searchParams, history: this.#history, hears: (tell) => this.#hears(ws, tell, "close") }));
    });
    http.listen(this.#port, "127.0.0.1");
    await once(http, "listening");
    this.#port = http.address().port;
  }

  #hears(socket, tell, gone) {
    this.#hearers.add(tell);
    socket.on(gone, () => this.#hearers.delete(tell));
  }

  /** Ends every connection and takes none, as a server that is restarted. Whoever tries is counted and turned away. */
  async stop() {
    await this.#close();
    const wall = createWall((socket) => {
      this.#tried += 1;
      this.#knocks?.push(performance.now());
      socket.destroy();
    });
    wall.listen(this.#port, "127.0.0.1");
    await once(wall, "listening");
    this.#wall = wall;
  }

  /** It is there again. Gives how many connections were tried meanwhile. */
  async restart() {
    const closed = once(this.#wall, "close");
    this.#wall.close();
    await closed;
    await this.start();
    const tried = this.#tried;
    this.#tried = 0;
    return tried;
  }

  /** From now on it is written down when somebody connects. */
  watch() {
    this.#knocks = [];
  }

  /** When somebody did. */
  knocks() {
    const knocks = this.#knocks;
    this.#knocks = undefined;
    return knocks;
  }

  async end() {
    await this.#close();
  }

  async #close() {
    const closed = once(this.#http, "close");
    // Closes the server of HTTP too.
    this.#io.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#hearers.clear();
  }

  /** So many events at a time, every so often, until all are told. */
  async publish({ count, families = 1, burst = count, everyMs = 0, bytes = 300 }) {
    const pad = "x".repeat(Math.max(0, bytes - 80));
    for (let sent = 0; sent < count; ) {
      for (const end = Math.min(count, sent + burst); sent < end; sent += 1) this.#tell(`family${sent % families}`, pad);
      if (sent < count) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  #tell(family, pad) {
    const n = (this.#versions.get(family) ?? 0) + 1;
    this.#versions.set(family, n);
    const event = { family, n, seq: this.#history.last + 1, at: NOW(), pad };
    this.#history.keep(event);
    for (const tell of this.#hearers) tell(event);
  }

  /** What each family's queries show now. */
  versions() {
    return Object.fromEntries(this.#versions);
  }

  /** No mutation was ever done. */
  forget() {
    this.queue = { done: 0, again: 0, disorder: 0 };
    this.#keys.clear();
    this.#lanes.clear();
  }

  /** Done once for each key, as a server does that honours it. */
  async #mutate(request, response) {
    const { n, lane, key } = await json(request);
    await new Promise((resolve) => setTimeout(resolve, MUTATION_MS));
    if (this.#keys.has(key)) this.queue.again += 1;
    else {
      this.#keys.add(key);
      this.queue.done += 1;
      const last = this.#lanes.get(lane) ?? -1;
      if (n < last) this.queue.disorder += 1;
      this.#lanes.set(lane, Math.max(n, last));
    }
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" }).end("{}");
  }

  /** What was counted since the last time. */
  count() {
    const { requests } = this;
    this.requests = 0;
    return { requests };
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    if (pathname === "/live") {
      // A look whether the server is there.
      return void response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" }).end('{"t":"alive","after":0}');
    }
    if (pathname === "/queue") return void (await this.#mutate(request, response).catch(() => response.destroy()));
    if (pathname.startsWith("/data/")) {
      this.requests += 1;
      const body = JSON.stringify({ n: this.#versions.get(pathname.slice("/data/".length)) ?? 0 });
      await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("ms") ?? QUERY_MS)));
      return void response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" }).end(body);
    }
    const path = join(this.#pages, normalize(pathname === "/" ? "/index.html" : pathname));
    const found = await stat(path).catch(() => undefined);
    if (!path.startsWith(this.#pages) || !found?.isFile()) return void response.writeHead(404).end();
    const headers = { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": "no-store" };
    // A clock of microseconds.
    Object.assign(headers, { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" });
    createReadStream(path).pipe(response.writeHead(200, headers));
  }
}
