import { notJson } from "./keys.js";
import { Listeners, reportUncaught, subscription } from "./listeners.js";
import { invalid, parseName } from "./options.js";
import { share } from "./snapshot.js";
import type { Everfresh, SubscribeOptions, Unsubscribe } from "./types.js";

/** A tab of somebody who is there. */
export interface RoomTab {
  /** Whether somebody is at it. */
  readonly active: boolean;
  /** The field that is typed in. */
  readonly typing: string | null;
  /** What the tab shows of itself. */
  readonly meta: unknown;
}

/** Somebody who is there: one person, with however many tabs and browsers. */
export interface Person {
  /** Who it is; `null` for somebody who does not say. */
  readonly user: string | null;
  /** Whether it is whoever looks. */
  readonly self: boolean;
  readonly active: boolean;
  readonly tabs: readonly RoomTab[];
}

/** That somebody else types. */
export interface Typing {
  readonly user: string | null;
  readonly client: string;
  readonly field: string;
}

/** Who is on a channel. It is frozen, and the same object until something changes. */
export interface RoomSnapshot {
  readonly people: readonly Person[];
  readonly typing: readonly Typing[];
}

/** Something that somebody said for the moment: a cursor, a reaction. Nobody hears it who comes later. */
export interface Signal {
  readonly name: string;
  readonly data: unknown;
  /** Who said it, as far as the server says. */
  readonly from: { readonly client?: string; readonly user?: string };
}

/** What {@link Room.join} takes. */
export interface JoinOptions extends SubscribeOptions {
  /** Shows that somebody is there, and not who. */
  anonymous?: boolean;
}

/**
 * How a field stands for this tab: `free`; `asking` whether it may edit; `held` by it, until it is given back, or
 * for 30 s without an edit; `lost`, with the reason; or with somebody `other`.
 */
export interface FieldSnapshot {
  readonly state: "free" | "asking" | "held" | "lost" | "other";
  /** Grows with every lease that is given: a write under an older one is refused by the server. */
  readonly fence?: number;
  /** The fence and its field, as the header `everfresh-fence` of a write has it. */
  readonly guard?: string;
  readonly why?: "expired" | "taken" | "refused" | (string & {});
  readonly holder?: { readonly client?: string; readonly user?: string } | null;
}

/** A field that one person at a time may edit. */
export interface Field {
  subscribe(listener: () => void, options?: SubscribeOptions): Unsubscribe;
  getSnapshot(): FieldSnapshot;
  /** The state shown while rendering on a server and during hydration: always the same object. */
  getServerSnapshot(): FieldSnapshot;
  /** The user wants to edit it: on focus. */
  take(): void;
  /** The user edits it: on every change. It keeps the lease going. */
  edit(): void;
  /** The user is done with it: on save and on blur. */
  release(): void;
  /** The header that a write to it carries, by which a server refuses one that comes too late. */
  headers(): Record<string, string>;
}

/** Who is on a channel, and what this tab does there. */
export interface Room {
  /** Calls `listener` after every change. A tab that only looks is not seen. */
  subscribe(listener: () => void, options?: SubscribeOptions): Unsubscribe;
  getSnapshot(): RoomSnapshot;
  /** The state shown while rendering on a server and during hydration: always the same object. */
  getServerSnapshot(): RoomSnapshot;
  /** Is there, and shows `meta` of this tab (what is looked at, a cursor), until the returned function is called. */
  join(meta?: object, options?: JoinOptions): Unsubscribe;
  /** The user types in a field; `null` when not any more. It ends by itself. */
  typing(field: string | null): void;
  /** Says something to the others who are there now. It is not kept, and may be lost. */
  signal(name: string, data?: unknown): void;
  /** Hears what the others say. A tab that only listens is not seen. */
  onSignal(listener: (signal: Signal) => void, options?: SubscribeOptions): Unsubscribe;
  /** A field that one person at a time may edit. The same object for one name. */
  field(name: string): Field;
}

const NOBODY: RoomSnapshot = /* @__PURE__ */ share(undefined, { people: [], typing: [] });
const FREE: FieldSnapshot = /* @__PURE__ */ share(undefined, { state: "free" });

interface PeopleNotice {
  readonly type: "people";
  readonly channel: string;
  readonly people: Person[];
  readonly typing?: Typing[];
}
type SignalNotice = { readonly type: "signal"; readonly channel: string } & Signal;
type LeaseNotice = { readonly type: "lease"; readonly channel: string; readonly field: string } & FieldSnapshot;
type RoomNotice = PeopleNotice | SignalNotice | LeaseNotice;

const rooms = /* @__PURE__ */ new WeakMap<Everfresh<any, any, any>, Map<string, ChannelRoom>>();

/**
 * Who is on a channel, who types there, and who may edit which field. Needs the option `rooms: true`, and a server
 * that keeps rooms. Called twice for one channel it gives the same object.
 */
export function room(live: Everfresh<any, any, any>, channel: string): Room {
  let ofLive = rooms.get(live);
  if (ofLive === undefined) rooms.set(live, (ofLive = connect(live)));
  let found = ofLive.get(parseName(channel, "channel"));
  if (found === undefined) ofLive.set(channel, (found = new ChannelRoom(channel, senders.get(live)!)));
  return found;
}

const senders = /* @__PURE__ */ new WeakMap<Everfresh<any, any, any>, (command: object) => void>();

function connect(live: Everfresh<any, any, any>): Map<string, ChannelRoom> {
  const all = new Map<string, ChannelRoom>();
  const send = live.plug({
    hear: (notice) => {
      const said = notice as RoomNotice;
      all.get(said.channel)?.hear(said);
    },
    opened: () => {
      for (const one of all.values()) one.opened();
    },
  });
  senders.set(live, send);
  return all;
}

class ChannelRoom implements Room {
  readonly #channel: string;
  readonly #send: (command: object) => void;
  readonly #changes = new Listeners<[]>(reportUncaught);
  readonly #signals = new Listeners<[Signal]>(reportUncaught);
  readonly #fields = new Map<string, ChannelField>();
  /** What this tab shows, by whoever wants it shown. The last one counts. */
  readonly #shown = new Set<object>();
  #snapshot = NOBODY;
  #watchers = 0;
  #told = "";
  #telling = false;

  constructor(channel: string, send: (command: object) => void) {
    this.#channel = channel;
    this.#send = send;
  }

  readonly getSnapshot = (): RoomSnapshot => this.#snapshot;
  readonly getServerSnapshot = (): RoomSnapshot => NOBODY;

  readonly subscribe = (listener: () => void, options?: SubscribeOptions): Unsubscribe =>
    this.#looking(options, () => this.#changes.add(listener));

  readonly onSignal = (listener: (signal: Signal) => void, options?: SubscribeOptions): Unsubscribe =>
    this.#looking(options, () => this.#signals.add(listener));

  signal(name: string, data: unknown = null): void {
    const where = notJson(data, "data");
    if (where !== undefined) throw invalid(where, "a value that JSON can hold", data);
    this.#send({ do: "signal", channel: this.#channel, name: parseName(name, "name"), data });
  }

  join(meta: object = {}, { anonymous = false, signal }: JoinOptions = {}): Unsubscribe {
    const where = notJson(meta, "meta");
    if (where !== undefined) throw invalid(where, "a value that JSON can hold", meta);
    const shown = { meta, anonymous };
    return subscription(signal, () => {
      this.#shown.add(shown);
      this.#change();
      return () => {
        this.#shown.delete(shown);
        this.#change();
      };
    });
  }

  typing(field: string | null): void {
    this.#send({ do: "typing", channel: this.#channel, field });
  }

  field(name: string): Field {
    let field = this.#fields.get(parseName(name, "field"));
    if (field === undefined) this.#fields.set(name, (field = new ChannelField(this.#channel, name, this.#send)));
    return field;
  }

  hear(notice: RoomNotice): void {
    switch (notice.type) {
      case "lease":
        this.#fields.get(notice.field)?.hear(notice);
        break;
      case "signal": {
        const { name, data, from } = notice;
        this.#signals.emit({ name, data, from });
        break;
      }
      case "people": {
        const { people, typing = this.#snapshot.typing } = notice;
        this.#show({ people, typing });
      }
    }
  }

  opened(): void {
    this.#told = "";
    this.#tell();
    for (const field of this.#fields.values()) field.opened();
  }

  #show(next: RoomSnapshot): void {
    const last = this.#snapshot;
    this.#snapshot = share(last, next);
    if (last !== this.#snapshot) this.#changes.emit();
  }

  /** Has this tab look for as long as somebody hears. */
  #looking(options: SubscribeOptions | undefined, hear: () => () => void): Unsubscribe {
    return subscription(options?.signal, () => {
      const end = hear();
      this.#watchers += 1;
      this.#change();
      return () => {
        end();
        this.#watchers -= 1;
        this.#change();
      };
    });
  }

  /** Tells in a microtask, and only what differs: a component that leaves and comes in one go was never away. */
  #change(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  #tell(): void {
    const shown = [...this.#shown].at(-1) ?? (this.#watchers > 0 ? { meta: null } : undefined);
    const command = shown === undefined ? { do: "leave", channel: this.#channel } : { ...shown, do: "join", channel: this.#channel };
    const text = JSON.stringify(command);
    if (text === this.#told || (shown === undefined && this.#told === "")) return;
    this.#told = shown === undefined ? "" : text;
    this.#send(command);
    if (shown === undefined) this.#show({ ...NOBODY });
  }
}

class ChannelField implements Field {
  readonly #channel: string;
  readonly #name: string;
  readonly #send: (command: object) => void;
  readonly #changes = new Listeners<[]>(reportUncaught);
  readonly subscribe = this.#changes.add;
  #snapshot = FREE;
  #wanted = false;

  constructor(channel: string, name: string, send: (command: object) => void) {
    this.#channel = channel;
    this.#name = name;
    this.#send = send;
  }

  readonly getSnapshot = (): FieldSnapshot => this.#snapshot;
  readonly getServerSnapshot = (): FieldSnapshot => FREE;

  take(): void {
    this.#wanted = true;
    this.#use("take");
  }

  edit(): void {
    this.#use("edit");
  }

  release(): void {
    this.#wanted = false;
    this.#use("release");
  }

  headers(): Record<string, string> {
    const { guard } = this.#snapshot;
    return guard === undefined ? {} : { "everfresh-fence": guard };
  }

  hear({ type: _, channel: _channel, field: _field, ...next }: LeaseNotice): void {
    const last = this.#snapshot;
    this.#snapshot = share<FieldSnapshot>(last, next);
    if (this.#snapshot.state === "lost") this.#wanted = false;
    if (last !== this.#snapshot) this.#changes.emit();
  }

  opened(): void {
    this.#snapshot = FREE;
    if (this.#wanted) this.#use("take");
  }

  #use(use: string): void {
    this.#send({ do: "lease", channel: this.#channel, field: this.#name, use });
  }
}
