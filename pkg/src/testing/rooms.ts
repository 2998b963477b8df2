import type { Received } from "./server.js";

type Message = { readonly t: string; readonly [member: string]: unknown };

/** A connection, as far as rooms know one. */
export interface Guest {
  readonly client: string;
  /** Channels of which it hears who is there and who has which field. */
  readonly rooms: Set<string>;
  tell(message: Message): void;
}

/** What somebody on a channel shows: as a browser says it, which is what its tabs show. */
export interface Shows {
  readonly user?: string;
  readonly data: unknown;
}

interface Lease {
  readonly fence: number;
  readonly holder: { readonly client?: string; readonly user?: string };
}

/** The rooms of a model server: who is there, what is said for the moment, who has which field. */
export class FakeRooms {
  /** What pages said for the moment. */
  readonly signals: Received[] = [];
  readonly #guests: ReadonlySet<Guest>;
  readonly #crowds = new Map<string, Map<string, Shows & { readonly ref: number }>>();
  readonly #leases = new Map<string, Lease>();
  #last = 0;

  constructor(guests: ReadonlySet<Guest>) {
    this.#guests = guests;
  }

  /** Somebody elsewhere comes, shows something else, or leaves (`null`). */
  somebody(channel: string, client: string, shows: Shows | null): void {
    this.#show(channel, client, shows);
  }

  /** Somebody elsewhere says something for the moment. */
  says(channel: string, name: string, data: unknown, from: { client?: string; user?: string } = {}): void {
    const { client, user } = from;
    this.#tell(channel, { t: "sig", ch: channel, name, data, from: client, user });
  }

  /** Somebody elsewhere takes a field, whoever has it; or gives it back (`null`). */
  holds(channel: string, field: string, holder: { client?: string; user?: string } | null): void {
    const fence = ++this.#last;
    if (holder) this.#leases.set(keyOf(channel, field), { fence, holder });
    else this.#leases.delete(keyOf(channel, field));
    this.#tell(channel, { t: "lockev", ch: channel, key: field, fence, holder, ttl: 30_000 });
  }

  /** Who has a field. */
  holder(channel: string, field: string): Lease["holder"] | undefined {
    return this.#leases.get(keyOf(channel, field))?.holder;
  }

  /** @internal */
  heard(guest: Guest, message: Received): void {
    const ch = message.ch ?? "";
    const key = String(message["key"]);
    switch (message.t) {
      case "pres":
        if (message["leave"]) guest.rooms.delete(ch);
        else guest.rooms.add(ch);
        if (message["all"]) {
          guest.tell({ t: "presence", ch, full: true, you: guest.client, join: Object.fromEntries(this.#crowd(ch)), leave: {} });
        }
        if (message["leave"] || message["data"] === null) this.#show(ch, guest.client, null);
        else this.#show(ch, guest.client, { data: message["data"], ...(message["anon"] ? {} : { user: "user" }) });
        break;
      case "sig":
        this.signals.push(message);
        break;
      case "lock": {
        guest.rooms.add(ch);
        const lease = this.#leases.get(keyOf(ch, key));
        if (lease && lease.holder.client !== guest.client) {
          guest.tell({ t: "err", id: message["id"], ch, code: "locked", msg: "somebody has it" });
          guest.tell({ t: "lockev", ch, key, ...lease, ttl: 30_000 });
          break;
        }
        const fence = (message["fence"] as number | undefined) ?? ++this.#last;
        this.#leases.set(keyOf(ch, key), { fence, holder: { client: guest.client } });
        guest.tell({ t: "lockd", id: message["id"], ch, key, fence, ttl: message["ttl"] });
        break;
      }
      case "unlock":
        if (this.#leases.get(keyOf(ch, key))?.fence === message["fence"]) this.#leases.delete(keyOf(ch, key));
    }
  }

  /** @internal A connection is over: whoever was there by it is not any more. */
  left(guest: Guest): void {
    for (const channel of this.#crowds.keys()) this.#show(channel, guest.client, null);
  }

  #show(ch: string, client: string, shows: Shows | null): void {
    const crowd = this.#crowd(ch);
    const before = crowd.get(client);
    if (shows) {
      const shown = { ...shows, ref: ++this.#last };
      crowd.set(client, shown);
      this.#tell(ch, { t: "presence", ch, join: { [client]: shown }, leave: {} });
    } else if (before) {
      crowd.delete(client);
      this.#tell(ch, { t: "presence", ch, join: {}, leave: { [client]: before.ref } });
    }
  }

  #crowd(channel: string): Map<string, Shows & { readonly ref: number }> {
    let crowd = this.#crowds.get(channel);
    if (crowd === undefined) this.#crowds.set(channel, (crowd = new Map()));
    return crowd;
  }

  #tell(channel: string, message: Message): void {
    for (const guest of this.#guests) if (guest.rooms.has(channel)) guest.tell(message);
  }
}

function keyOf(channel: string, field: string): string {
  return JSON.stringify([channel, field]);
}
