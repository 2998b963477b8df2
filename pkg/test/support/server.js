// A model of a server of the native protocol (docs/protocol.md), reached by a `WebSocket` of its own.

/** Delays of the network, in milliseconds of the test's clock. */
const WAY_MS = 2;

class CloseEventLike extends Event {
  constructor(code, reason) {
    super("close");
    Object.assign(this, { code, reason });
  }
}

/** A server with channels, and with data that it counts the versions of. */
export class Server {
  epoch = "E1";
  sockets = new Set();
  dials = 0;
  requests = 0;
  hellos = [];
  /** Whether it can be reached. */
  up = true;
  /** What was said for the moment. */
  signals = [];
  /** Who has which field. */
  locks = new Map();
  #channels = new Map();
  #crowds = new Map();
  #refs = 0;

  /** Makes `WebSocket` lead here. */
  install() {
    const server = this;
    globalThis.CloseEvent ??= CloseEventLike;
    globalThis.WebSocket = class extends Connection {
      constructor(url) {
        super(server, url);
      }
    };
    // Who looks for a server that does not answer on its socket asks by HTTP.
    globalThis.fetch = async () => {
      this.requests += 1;
      await new Promise((resolve) => setTimeout(resolve, 2 * WAY_MS));
      if (!this.up) throw new TypeError("no network");
      return new Response('{"t":"alive"}', { headers: { "content-type": "application/json" } });
    };
    return this;
  }

  #channel(name) {
    if (!this.#channels.has(name)) this.#channels.set(name, []);
    return this.#channels.get(name);
  }

  /** Tells an event to all who follow the channel. */
  publish(channel, name, data = null, by = undefined) {
    const events = this.#channel(channel);
    const event = { t: "ev", ch: channel, s: events.length + 1, name, data, by, at: Date.now() };
    events.push(event);
    for (const socket of this.sockets) if (socket.channels.has(channel)) socket.tell(event);
  }

  /** Somebody elsewhere shows something on a channel, or leaves it (`null`). */
  somebody(channel, name, shows) {
    const crowd = this.#crowd(channel);
    const ref = ++this.#refs;
    if (shows === null) crowd.delete(name);
    else crowd.set(name, { ref, ...shows });
    const change = shows === null ? { join: {}, leave: { [name]: ref } } : { join: { [name]: crowd.get(name) }, leave: {} };
    for (const socket of this.sockets) if (socket.rooms.has(channel)) socket.tell({ t: "presence", ch: channel, ...change });
  }

  /** Somebody elsewhere says something for the moment. */
  says(channel, signal) {
    for (const socket of this.sockets) if (socket.rooms.has(channel)) socket.tell({ t: "sig", ch: channel, ...signal });
  }

  /** Somebody elsewhere has a field, or nobody. */
  holds(channel, key, holder) {
    this.#refs += 1;
    if (holder) this.locks.set(`${channel} ${key}`, { fence: this.#refs, holder });
    else this.locks.delete(`${channel} ${key}`);
    for (const socket of this.sockets) if (socket.rooms.has(channel)) socket.tell({ t: "lockev", ch: channel, key, fence: this.#refs, holder, ttl: 30_000 });
  }

  #crowd(channel) {
    if (!this.#crowds.has(channel)) this.#crowds.set(channel, new Map());
    return this.#crowds.get(channel);
  }

  /** Drops every connection without a word. */
  cut() {
    for (const socket of [...this.sockets]) socket.drop(1006, "");
  }

  heard(socket, message) {
    switch (message.t) {
      case "hello":
        this.hellos.push(message);
        socket.name = message.client;
        socket.tell({ t: "welcome", v: 1, session: "S", ping: 25_000, now: Date.now(), can: ["pres", "sig", "lock"] });
        break;
      case "sub": {
        const events = this.#channel(message.ch);
        socket.channels.add(message.ch);
        const { pos } = message;
        const known = pos?.e === this.epoch && pos.s <= events.length;
        socket.tell({
          t: "subd",
          id: message.id,
          ch: message.ch,
          pos: { e: this.epoch, s: events.length },
          recovered: pos === undefined ? null : known,
          missed: known ? events.slice(pos.s) : [],
        });
        break;
      }
      case "unsub":
        socket.channels.delete(message.ch);
        socket.tell({ t: "unsubd", id: message.id, ch: message.ch });
        break;
      case "pres": {
        const crowd = this.#crowd(message.ch);
        const name = socket.name;
        if (message.leave) socket.rooms.delete(message.ch);
        else socket.rooms.add(message.ch);
        if (message.leave || message.data === null) crowd.delete(name);
        else crowd.set(name, { ref: ++this.#refs, data: message.data, ...(message.anon ? {} : { user: "me" }) });
        if (message.all) socket.tell({ t: "presence", ch: message.ch, full: true, you: name, join: Object.fromEntries(crowd), leave: {} });
        else if (crowd.has(name)) socket.tell({ t: "presence", ch: message.ch, join: { [name]: crowd.get(name) }, leave: {} });
        break;
      }
      case "lock": {
        const { id, ch, key, ttl } = message;
        socket.rooms.add(ch);
        const held = this.locks.get(`${ch} ${key}`);
        if (held && held.holder.client !== socket.name) {
          socket.tell({ t: "err", id, ch, code: "locked", msg: "somebody has it" });
          socket.tell({ t: "lockev", ch, key, fence: held.fence, holder: held.holder, ttl: 30_000 });
          break;
        }
        const fence = message.fence ?? ++this.#refs;
        this.locks.set(`${ch} ${key}`, { fence, holder: { client: socket.name } });
        socket.tell({ t: "lockd", id, ch, key, fence, ttl });
        break;
      }
      case "sig":
        this.signals.push(message);
        break;
      case "unlock":
        this.locks.delete(`${message.ch} ${message.key}`);
        break;
      case "ping":
        socket.tell({ t: "pong", n: message.n });
        break;
    }
  }
}

class Connection extends EventTarget {
  channels = new Set();
  /** Channels of which it hears who is there and who has which field. */
  rooms = new Set();
  readyState = 0;
  binaryType = "blob";
  #server;

  constructor(server, url) {
    super();
    this.#server = server;
    this.url = url;
    server.dials += 1;
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (!server.up) return this.drop(1006, "");
      this.readyState = 1;
      server.sockets.add(this);
      this.dispatchEvent(new Event("open"));
    }, WAY_MS);
  }

  tell(message) {
    const data = JSON.stringify(message);
    setTimeout(() => this.readyState === 1 && this.dispatchEvent(new MessageEvent("message", { data })), WAY_MS);
  }

  send(text) {
    if (this.readyState !== 1) return;
    setTimeout(() => {
      if (this.readyState !== 1) return;
      for (const line of text.split("\n")) if (line) this.#server.heard(this, JSON.parse(line));
    }, WAY_MS);
  }

  close() {
    this.readyState = 3;
    this.#server.sockets.delete(this);
  }

  drop(code, reason) {
    if (this.readyState === 3) return;
    this.close();
    this.dispatchEvent(new CloseEvent(code, reason));
  }
}
