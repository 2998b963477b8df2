// A network on demand: a TCP proxy on loopback that can be slow, torn, deaf or choosy.
//
// It stands between a browser and the server. What it does to a connection is read anew for every chunk,
// so that a fault can begin and end while connections are open.

import { once } from "node:events";
import { createConnection, createServer } from "node:net";

/**
 * What can be wrong with the network.
 *
 * @typedef {object} Faults
 * @property {number} latencyMs how long each chunk takes, one way
 * @property {number} jitterMs up to how much longer, at random; the order of chunks is kept
 * @property {boolean} deaf half-open: what is said is swallowed on both sides, and nothing is closed
 * @property {boolean} refuse new connections are reset at once
 * @property {number | null} cutAfterMs each connection is reset after so long
 * @property {number | null} cutAfterBytes each connection is reset after so many bytes from the server
 * @property {number | null} bytesPerSecond how much comes from the server, a connection
 * @property {number | null} sliceBytes the largest chunk that is passed on
 * @property {"pass" | "hang" | "reset"} sockets what becomes of WebSocket handshakes
 * @property {"pass" | "hang" | "reset"} streams what becomes of requests for a stream of events
 */

/** @returns {Faults} */
const none = () => ({
  latencyMs: 0,
  jitterMs: 0,
  deaf: false,
  refuse: false,
  cutAfterMs: null,
  cutAfterBytes: null,
  bytesPerSecond: null,
  sliceBytes: null,
  sockets: "pass",
  streams: "pass",
});

/** The longest head of a request that is waited for before it is passed on unread. */
const HEAD_BYTES_MAX = 16 * 1024;

export class FaultProxy {
  #target;
  #server;
  #links = new Set();
  /** @type {Faults} */
  faults = none();
  /** The address to give to a browser. */
  url;
  /**
   * Dials of a WebSocket that came through as far as here. Connections that are refused cannot be told
   * apart: a browser tries one several times by itself.
   */
  dials = 0;
  /** How often each thing was asked for, such as `GET /api/tasks`. */
  requests = new Map();

  /** A proxy for the server at this address, such as `http://127.0.0.1:4321`. */
  static async start(target) {
    const proxy = new FaultProxy();
    const { hostname, port } = new URL(target);
    proxy.#target = { host: hostname, port: Number(port) };
    proxy.#server = createServer((socket) => proxy.#accept(socket));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** From now on this is wrong, and nothing else. */
  break(faults) {
    this.faults = { ...none(), ...faults };
  }

  /** From now on nothing is wrong. */
  heal() {
    this.faults = none();
  }

  /** Resets every connection that is open. */
  cut() {
    for (const link of this.#links) link.cut();
  }

  async stop() {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  #accept(socket) {
    if (this.faults.refuse) {
      socket.resetAndDestroy();
      return;
    }
    const link = new Link(this, socket, this.#target);
    this.#links.add(link);
    link.over.then(() => this.#links.delete(link));
  }
}

/** One connection of a browser, and the proxy's own to the server. */
class Link {
  #proxy;
  #down;
  #up;
  #opened = Date.now();
  #timer = setInterval(() => this.#age(), 20);
  #fromServer = 0;
  /** What came of a request whose head is not whole. */
  #head = Buffer.alloc(0);
  /** @type {"requests" | "socket" | "hanging"} what the browser's side holds */
  #holds = "requests";
  /** Resolves when both sides are closed. */
  over;

  constructor(proxy, down, target) {
    this.#proxy = proxy;
    this.#down = down;
    this.#up = createConnection(target);
    const upwards = new Pipe(proxy, this.#up, () => null);
    const downwards = new Pipe(proxy, down, () => proxy.faults.bytesPerSecond);
    down.on("data", (chunk) => this.#hear(chunk, upwards));
    this.#up.on("data", (chunk) => {
      this.#fromServer += chunk.length;
      const { cutAfterBytes } = proxy.faults;
      if (cutAfterBytes !== null && this.#fromServer > cutAfterBytes) this.cut();
      else downwards.push(chunk);
    });
    down.on("end", () => upwards.end());
    this.#up.on("end", () => downwards.end());
    down.on("error", () => this.cut());
    this.#up.on("error", () => this.cut());
    down.on("close", () => this.#up.destroy());
    this.#up.on("close", () => downwards.end());
    const closed = [down, this.#up].map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    this.over = Promise.all(closed).then(() => clearInterval(this.#timer));
  }

  #age() {
    const { cutAfterMs } = this.#proxy.faults;
    if (cutAfterMs !== null && Date.now() - this.#opened >= cutAfterMs) this.cut();
  }

  cut() {
    clearInterval(this.#timer);
    // A socket that was ended cannot be reset any more, and Node would wait for it for ever at its exit.
    if (this.#down.writableEnded) this.#down.destroy();
    else if (!this.#down.destroyed) this.#down.resetAndDestroy();
    if (!this.#up.destroyed) this.#up.destroy();
  }

  /** Something came from the browser. */
  #hear(chunk, up) {
    if (this.#holds === "hanging") return;
    if (this.#holds === "socket") {
      up.push(chunk);
      return;
    }
    // Browsers send a head in one piece or few, and its body after it; bodies pass through here unread,
    // because they do not begin like a request.
    this.#head = Buffer.concat([this.#head, chunk]);
    const text = this.#head.toString("latin1");
    const begins = /^(GET|POST|PATCH|PUT|DELETE|OPTIONS|HEAD) /.test(text);
    if (begins && !text.includes("\r\n\r\n") && this.#head.length < HEAD_BYTES_MAX) return;
    const whole = this.#head;
    this.#head = Buffer.alloc(0);
    if (begins) {
      const [asked] = text.match(/^\S+ [^ ?]+/) ?? [text];
      this.#proxy.requests.set(asked, (this.#proxy.requests.get(asked) ?? 0) + 1);
      const isSocket = /\r\nupgrade: *websocket\r\n/i.test(text);
      if (isSocket) this.#proxy.dials += 1;
      const isStream = /^POST \S*\/sse[ ?]/.test(text);
      const { sockets, streams } = this.#proxy.faults;
      const rule = isSocket ? sockets : isStream ? streams : "pass";
      if (rule === "reset") {
        this.cut();
        return;
      }
      if (rule === "hang") {
        this.#holds = "hanging";
        return;
      }
      if (isSocket) this.#holds = "socket";
    }
    up.push(whole);
  }
}

/** One direction: keeps the order, whatever the delays. */
class Pipe {
  #proxy;
  #to;
  #pace;
  #turn = Promise.resolve();

  /** @param pace how many bytes a second may pass; `null` for all */
  constructor(proxy, to, pace) {
    this.#proxy = proxy;
    this.#to = to;
    this.#pace = pace;
  }

  push(chunk) {
    const { latencyMs, jitterMs } = this.#proxy.faults;
    const due = Date.now() + latencyMs + Math.random() * jitterMs;
    this.#then(async () => {
      await until(due);
      const pace = this.#pace();
      // What is slow comes in small pieces, not in one after a long while.
      const size = this.#proxy.faults.sliceBytes ?? (pace === null ? chunk.length : Math.ceil(pace / 20));
      for (let at = 0; at < chunk.length; at += size) {
        const slice = chunk.subarray(at, at + size);
        if (pace !== null) await until(Date.now() + (1000 * slice.length) / pace);
        if (this.#proxy.faults.deaf || this.#to.destroyed || this.#to.writableEnded) return;
        this.#to.write(slice);
      }
    });
  }

  /** A deaf network does not tell of ends either. */
  end() {
    this.#then(() => {
      if (!this.#proxy.faults.deaf && !this.#to.destroyed) this.#to.end();
    });
  }

  #then(step) {
    this.#turn = this.#turn.then(step);
  }
}

function until(moment) {
  const wait = moment - Date.now();
  return wait <= 0 ? undefined : new Promise((resolve) => setTimeout(resolve, wait));
}
