import { EverfreshError } from "./errors.js";
import { notJson } from "./keys.js";
import { Listeners, reportUncaught } from "./listeners.js";
import { invalid } from "./options.js";
import { share } from "./snapshot.js";
import type { Everfresh, SubscribeOptions, Unsubscribe } from "./types.js";

/** What {@link sharedState} takes. */
export interface SharedStateOptions<Value> {
  /** `local` (the default) is shared by all tabs and kept; `session` is this tab's alone, for as long as it lives. */
  storage?: "local" | "session";
  /** Tells whether what was stored is of the right form, which an older page may have stored in another one. */
  check?: (value: unknown) => value is Value;
}

/** A small value that a user's tabs share. */
export interface SharedState<Value> {
  /** The present value. The same object until it changes. */
  get(): Value;
  /** Puts another value in, here and in every other tab. */
  set(value: Value): void;
  /** Calls `listener` after every change, whichever tab made it. Made for `useSyncExternalStore`, with `get`. */
  subscribe(listener: () => void, options?: SubscribeOptions): Unsubscribe;
}

/** A value as it is stored: when it was set, and something that differs where two tabs set it in one millisecond. */
interface Stored {
  readonly at: number;
  readonly by: number;
  readonly value: unknown;
}

const states = /* @__PURE__ */ new WeakMap<Everfresh<any, any, any>, Map<string, SharedState<any>>>();

/**
 * A small state of the user's (a timer that is paused, terms that were accepted) that every tab has, over the
 * browser's storage. The last one who sets it wins, in every tab the same. Another user has another one.
 *
 * ```ts
 * const paused = sharedState(live, "timer-paused", false);
 * paused.set(true);
 * ```
 *
 * Called twice for one name it gives the same object. Where nothing may be stored, it is this page's alone.
 */
export function sharedState<Value>(
  live: Everfresh<any, any, any>,
  name: string,
  initial: Value,
  options: SharedStateOptions<Value> = {},
): SharedState<Value> {
  let named = states.get(live);
  if (named === undefined) states.set(live, (named = new Map()));
  let state = named.get(name) as SharedState<Value> | undefined;
  if (state === undefined) named.set(name, (state = new State(live, name, initial, options)));
  return state;
}

class State<Value> implements SharedState<Value> {
  readonly #live: Everfresh<any, any, any>;
  readonly #name: string;
  readonly #initial: Value;
  readonly #options: SharedStateOptions<Value>;
  readonly #changes = new Listeners<[]>(reportUncaught);
  #stored: Stored | undefined;
  #value: Value;

  constructor(live: Everfresh<any, any, any>, name: string, initial: Value, options: SharedStateOptions<Value>) {
    const where = notJson(initial, "initial");
    if (where !== undefined) throw invalid(where, "a value that JSON can hold", initial);
    this.#live = live;
    this.#name = name;
    this.#options = options;
    this.#value = this.#initial = share(undefined, copy(initial));
    // A server has no storage, and its page starts from the initial value.
    if (typeof addEventListener !== "function") return;
    this.#read();
    const heard = (event: StorageEvent) => {
      if (event.storageArea !== this.#storage() || (event.key !== null && event.key !== this.#key())) return;
      // Not what is in the storage: that may be older than what the event says.
      this.#hear(event.newValue);
    };
    // A page that was put away heard nothing meanwhile.
    const shown = () => this.#read();
    addEventListener("storage", heard);
    addEventListener("pageshow", shown);
    const leave = live.onUser(() => this.#read());
    const stop = live.subscribe(() => {
      if (live.getSnapshot().status !== "closed") return;
      removeEventListener("storage", heard);
      removeEventListener("pageshow", shown);
      leave();
      stop();
    });
  }

  get(): Value {
    return this.#value;
  }

  set(value: Value): void {
    const where = notJson(value, "value");
    if (where !== undefined) throw invalid(where, "a value that JSON can hold", value);
    const key = this.#key();
    if (key === undefined) throw new EverfreshError("closed", `nobody is there whose "${this.#name}" could be set`);
    this.#take({ at: Math.max(Date.now(), (this.#stored?.at ?? 0) + 1), by: Math.random(), value: copy(value) });
    this.#write();
  }

  subscribe = (listener: () => void, options?: SubscribeOptions): Unsubscribe => this.#changes.add(listener, options);

  /** Where it is stored: nowhere while it is not known whose it is. */
  #key(): string | undefined {
    const { user, name } = this.#live;
    return user === undefined ? undefined : `everfresh:state:${hash(JSON.stringify([name, user]))}:${this.#name}`;
  }

  /** Merely asking for it throws where it is forbidden. */
  #storage(): Storage | undefined {
    try {
      return this.#options.storage === "session" ? sessionStorage : localStorage;
    } catch {
      return undefined;
    }
  }

  #read(): void {
    const key = this.#key();
    this.#stored = undefined;
    let text: string | null = null;
    try {
      text = key === undefined ? null : (this.#storage()?.getItem(key) ?? null);
    } catch {
      // Then it is as if nothing were there.
    }
    this.#take(parse(text));
  }

  #write(): void {
    const key = this.#key();
    try {
      if (key !== undefined) this.#storage()?.setItem(key, JSON.stringify(this.#stored));
    } catch {
      // It is full or forbidden: the value is this page's alone.
    }
  }

  #hear(text: string | null): void {
    const heard = parse(text);
    // Two tabs that set it at once each hear of the other: both have to end at the same.
    if (text !== null && heard && this.#stored && !isNewer(heard, this.#stored)) {
      if (isNewer(this.#stored, heard)) this.#write();
      return;
    }
    this.#take(heard);
  }

  #take(stored: Stored | undefined): void {
    const { check } = this.#options;
    const good = stored !== undefined && (check === undefined || check(stored.value));
    this.#stored = good ? stored : undefined;
    const before = this.#value;
    this.#value = share(before, good ? (stored.value as Value) : this.#initial);
    if (!Object.is(before, this.#value)) this.#changes.emit();
  }
}

/** Of its own, because it is frozen. */
function copy<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

function isNewer(one: Stored, other: Stored): boolean {
  return one.at === other.at ? one.by > other.by : one.at > other.at;
}

/** What is stored may be anything: another page, another version, a person with a keyboard wrote it. */
function parse(text: string | null): Stored | undefined {
  try {
    const stored = JSON.parse(text ?? "null") as Stored | null;
    return typeof stored?.at === "number" && typeof stored.by === "number" && "value" in stored ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** 53 bits of a text (cyrb53): whose a value is must not be read from its key. */
function hash(text: string): string {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    one = Math.imul(one ^ text.charCodeAt(at), 2654435761);
    two = Math.imul(two ^ text.charCodeAt(at), 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36);
}
