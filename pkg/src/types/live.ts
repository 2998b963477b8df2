/// <reference lib="esnext.disposable" preserve="true" />
import type { EverfreshError } from "../errors.js";
import type { CacheAdapter, CacheConnection } from "./cache.js";
import type {
  Family,
  Invalidation,
  LiveEvent,
  NameOf,
  QueryKey,
  RegisteredContracts,
  RegisteredEvents,
  RegisteredMutations,
} from "./events.js";
import type { MutateOptions, Mutating, MutationNews, Queue, ResultOf, VarsOf } from "./mutations.js";
import type { EverfreshSnapshot } from "./snapshot.js";

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** What every subscribing method takes. */
export interface SubscribeOptions {
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined;
}

/** How a channel is followed. */
export interface ChannelOptions extends SubscribeOptions {
  /** The backend that has it, by its name in `layers`; `backend` when left out. */
  layer?: string | undefined;
}

/** Something went wrong that did not stop the instance, or that stopped it (then the status is `failed`). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** The error behind it, where there is one on this side of the wasm border. */
  readonly error?: EverfreshError;
}

/**
 * What happened to the user: `switched` by `setUser`; `fenced` because another tab logged out or somebody
 * else in: this instance has stopped until `setUser` says who is there; `back` when that user is back and
 * it goes on; `elsewhere` when somebody logged in in another tab, and here nobody has yet.
 */
export type UserChange = "switched" | "fenced" | "back" | "elsewhere";

/** A contract whose data got older than it allows. */
export interface Violation {
  readonly contract: string;
  /**
   * Whose fault it is: `offline` there is no network, or what was changed without a link went first; `throttled`
   * the browser woke the page too late; `frozen` the page was frozen, or the machine slept; `slow-fetch` a look
   * that began in time took too long, or its fetch was cancelled; `server-error` the server failed, or wanted calm.
   */
  readonly cause: "offline" | "throttled" | "frozen" | "slow-fetch" | "server-error" | (string & {});
  /** How old the data was, and how old it may be, in milliseconds. */
  readonly age: number | null;
  readonly window: number;
  readonly reason: string;
}

/** The contracts of an instance, by name. */
export interface Contracts<Name extends string> {
  /** Their families of queries. */
  readonly families: Readonly<Record<string, QueryKey>>;
  /** Has a contract kept while somebody needs it. A query of its family that is on the screen does that too. */
  watch(name: Name, options?: SubscribeOptions): Unsubscribe;
  /** Puts it in force. */
  enable(name: Name): void;
  /** Turns it off: while a form is filled in, say. */
  disable(name: Name): void;
  /** The user wants the newest. */
  refresh(name: Name): void;
}

/** The parts that have diagnostics of their own. */
export type LogPart = "link" | "tabs" | "channels" | "invalidation" | "freshness" | "queue" | "room" | "faults";

/** Something that was decided. */
export interface JournalEntry {
  readonly at: number;
  readonly [member: string]: unknown;
}

/** Why a query, or a family, is as it is. */
export interface Explanation {
  readonly key: QueryKey;
  readonly at: number;
  readonly status: string;
  readonly reason: string;
  readonly role: string;
  readonly nextWakeup: number | null;
  /** What was decided about it, the oldest first. */
  readonly chain: readonly JournalEntry[];
  readonly [member: string]: unknown;
}

/** Everything there is to know about an instance. It holds no payloads and no tokens. */
export interface Diagnostics {
  readonly name: string;
  readonly snapshot: EverfreshSnapshot;
  /** What was decided, the oldest first, and how many entries had to leave. */
  readonly journal: { readonly dropped: number; readonly entries: readonly JournalEntry[] };
  /** Figures of the last hours, a row a minute. */
  readonly history: unknown;
  /** What happened to the engine since it began, if the option `record` is on: `cargo xtask simulate --replay` reads it. */
  readonly recording: string | undefined;
}

/** A part of the package that an app loads besides, as `everfresh/room`. */
export interface Plugin {
  /** What the engine tells that nobody else knows what to do with. */
  hear(notice: { readonly type: string }): void;
  /** The engine runs, or another one does, and knows nothing of it. */
  opened(): void;
}

/** A running instance, made by `createEverfresh`. */
export interface Everfresh<
  Events extends object = RegisteredEvents,
  Mutations extends object = RegisteredMutations,
  ContractName extends string = RegisteredContracts,
> {
  readonly name: string;
  /** Whose data this is: an id, `null` for nobody; `undefined` while another tab says that somebody else is there. */
  readonly user: string | null | undefined;
  /**
   * Resolves when the engine runs (which is before it is connected), and rejects with an
   * {@link EverfreshError} when it cannot. Nobody has to await it: calls made earlier are kept.
   */
  readonly ready: Promise<void>;

  /** Calls `listener` after every change of the snapshot. Made for `useSyncExternalStore`. */
  subscribe(listener: () => void, options?: SubscribeOptions): Unsubscribe;
  /** The present state. The same object until something changes. */
  getSnapshot(): EverfreshSnapshot;
  /** The state shown while rendering on a server and during hydration: always the same object. */
  getServerSnapshot(): EverfreshSnapshot;

  /** Listens to one event, on every channel that this tab follows. */
  on<Name extends NameOf<Events>>(
    name: Name,
    listener: (data: Events[Name], event: LiveEvent<Name, Events[Name]>) => void,
    options?: SubscribeOptions,
  ): Unsubscribe;
  /** Hears which families became stale; all that became stale at once comes in one call. */
  onInvalidate(listener: (invalidations: readonly Invalidation[]) => void, options?: SubscribeOptions): Unsubscribe;
  /** Hears what becomes of mutations. */
  onMutation(listener: (news: MutationNews) => void, options?: SubscribeOptions): Unsubscribe;
  /** Hears of contracts that were broken. */
  onViolation(listener: (violation: Violation) => void, options?: SubscribeOptions): Unsubscribe;
  /** Hears that somebody else is there, or nobody. */
  onUser(listener: (change: UserChange) => void, options?: SubscribeOptions): Unsubscribe;
  /** Hears of faults. Without such a listener they go to the global `reportError`. */
  onFault(listener: (fault: Fault) => void, options?: SubscribeOptions): Unsubscribe;

  /** Follows a channel until the returned function is called. Followers of a channel are counted. */
  channel(name: string, options?: ChannelOptions): Unsubscribe;
  /** Marks families as stale, as an event would. */
  invalidate(families: readonly Family[]): void;
  /** The contracts of the options. */
  readonly contracts: Contracts<ContractName>;

  /**
   * Does something on the server: shown at once if the mutation is optimistic, stored before it is sent,
   * sent again after a crash, done once and in the order of its lane.
   */
  mutate<Name extends NameOf<Mutations>>(
    name: Name,
    ...args: undefined extends VarsOf<Mutations[Name]>
      ? [vars?: VarsOf<Mutations[Name]>, options?: MutateOptions]
      : [vars: VarsOf<Mutations[Name]>, options?: MutateOptions]
  ): Mutating<ResultOf<Mutations[Name]>>;
  /** The mutations of all tabs that are not through. */
  readonly queue: Queue;

  /** Says who is there now; `null` after a logout. Every tab hears of it, and drops what was the other's. */
  setUser(user: string | null): void;
  /** Somebody logged in, or has a new token. Without a token, `getToken` is asked for it. */
  setToken(token?: string): void;
  /** Dials at once, instead of waiting for the next planned try. */
  reconnect(): void;

  /** Why a query, or a family, is as it is. `undefined` without an engine. */
  explain(key: Family): Explanation | undefined;
  /** Everything there is to know, to be shown or sent to somebody who helps. `undefined` without an engine. */
  diagnostics(): Diagnostics | undefined;
  /** Writes what these parts decide to the console, and what no others do; all of them if none is named. */
  log(parts?: readonly LogPart[]): void;
  /** Connects the cache of queries that an adapter stands for. */
  adapt(adapter: CacheAdapter, options?: SubscribeOptions): CacheConnection;

  /** Connects a part of the package that an app loads besides. Gives what tells the engine something. */
  plug(plugin: Plugin): (command: object) => void;

  /** Ends everything this instance does. Calling it again does nothing. */
  close(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
