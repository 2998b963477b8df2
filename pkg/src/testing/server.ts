import { FakeRooms } from "./rooms.js";

/** How long a message takes one way, in milliseconds of virtual time. */
const WAY_MS = 2;
/** How many events of a channel it can give again. */
const KEPT = 1000;

type Message = { readonly t: string; readonly [member: string]: unknown };

interface Channel {
  seq: number;
  events: { readonly s: number }[];
}

/** A message that a page sent, as it arrived. */
export interface Received {
  readonly t: string;
  readonly ch?: string;
  readonly [member: string]: unknown;
}

/**
 * A model of a server of the package's own protocol: channels with positions, and what goes wrong with one. It is
 * reached by the page's `WebSocket`; other ways are not open.
 */
export class FakeServer {
  /** Whether it can be reached. */
  up = true;
  /** Whether the messages of connections that are open get through: a dead link is silent, not closed. */
  silent = false;
  /** How many times somebody dialled. */
  dials = 0;
  /** Everything that pages sent, the oldest first. */
  readonly received: Received[] = [];
  readonly #sockets = new Set<FakeSocket>();
  /** Who is on a channel, and who has which field. */
  readonly rooms = new FakeRooms(this.#sockets);
  readonly #channels = new Map<string, Channel>();
  #epoch = 1;

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Tells an event to all who follow the channel, and keeps it for those who come back. */
  publish(channel: string, name: string, data: unknown = null): void {
    const of = this.#channel(channel);
    of.seq += 1;
    const event = { t: "ev", ch: channel, s: of.seq, name, data, at: Date.now() };
    of.events.push(event);
    if (of.events.length > KEPT) of.events.shift();
    for (const socket of this.#sockets) if (socket.follows.has(channel)) socket.tell(event);
  }

  /** Says anything to every page, as it is: for what a server should not say. */
  say(text: string): void {
    for (const socket of this.#sockets) socket.tellText(text);
  }

  /** Ends every connection; without a code, as a broken network does. */
  cut(code = 1006, reason = ""): void {
    for (const socket of [...this.#sockets]) socket.drop(code, reason);
  }

  /** Starts anew and remembers no event: whoever comes back has missed what it cannot know. */
  restart(): void {
    this.#epoch += 1;
    this.#channels.clear();
    this.cut();
  }

  /** The `WebSocket` that leads here. */
  socketClass(): typeof WebSocket {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string | URL) {
        super(server, String(url));
      }
    } as unknown as typeof WebSocket;
  }

  /** @internal */
  opened(socket: FakeSocket): void {
    this.#sockets.add(socket);
  }

  /** @internal */
  left(socket: FakeSocket): void {
    if (this.#sockets.delete(socket)) this.rooms.left(socket);
  }

  /** @internal */
  heard(socket: FakeSocket, message: Received): void {
    this.received.push(message);
    const ch = message.ch ?? "";
    switch (message.t) {
      case "hello":
        socket.client = String(message["client"]);
        socket.tell({ t: "welcome", v: 1, session: "S", ping: 25_000, now: Date.now(), can: ["pres", "sig", "lock"] });
        break;
      case "sub": {
        const { seq, events } = this.#channel(ch);
        const e = `E${this.#epoch}`;
        const pos = message["pos"] as { e: string; s: number } | undefined;
        const first = events[0]?.s ?? seq + 1;
        const known = pos !== undefined && pos.e === e && pos.s <= seq && pos.s + 1 >= first;
        socket.follows.add(ch);
        const missed = known ? events.filter(({ s }) => s > pos.s) : [];
        socket.tell({ t: "subd", id: message["id"], ch, pos: { e, s: seq }, recovered: pos === undefined ? null : known, missed });
        break;
      }
      case "unsub":
        socket.follows.delete(ch);
        socket.tell({ t: "unsubd", id: message["id"], ch });
        break;
      case "ping":
        socket.tell({ t: "pong", n: message["n"] });
        break;
      default:
        this.rooms.heard(socket, message);
    }
  }

  #channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) this.#channels.set(name, (channel = { seq: 0, events: [] }));
    return channel;
  }
}

class FakeSocket extends EventTarget {
  readonly follows = new Set<string>();
  readonly rooms = new Set<string>();
  client = "";
  readonly url: string;
  readyState = 0;
  binaryType = "blob";
  readonly #server: FakeServer;

  constructor(server: FakeServer, url: string) {
    super();
    this.#server = server;
    this.url = url;
    server.dials += 1;
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (!server.up) return this.drop(1006, "");
      this.readyState = 1;
      server.opened(this);
      this.dispatchEvent(new Event("open"));
    }, WAY_MS);
  }

  tell(message: Message): void {
    this.tellText(JSON.stringify(message));
  }

  tellText(data: string): void {
    setTimeout(() => {
      if (this.readyState === 1 && !this.#server.silent) this.dispatchEvent(new MessageEvent("message", { data }));
    }, WAY_MS);
  }

  send(text: string): void {
    if (this.readyState !== 1) return;
    setTimeout(() => {
      if (this.readyState !== 1 || this.#server.silent) return;
      for (const line of text.split("\n")) if (line !== "") this.#server.heard(this, JSON.parse(line) as Received);
    }, WAY_MS);
  }

  close(): void {
    this.readyState = 3;
    this.#server.left(this);
  }

  drop(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.close();
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason, wasClean: code !== 1006 }));
  }
}
