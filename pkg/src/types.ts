/// <reference lib="esnext.disposable" preserve="true" />
import type { EverfreshError } from "./errors.js";

/**
 * The place to declare an app's events once, so that hooks and every `createEverfresh` call know
 * their names and payloads:
 *
 * ```ts
 * declare module "everfresh" {
 *   interface Register {
 *     events: { task_updated: Task; task_deleted: { id: string } };
 *   }
 * }
 * ```
 */
export interface Register {}

/** The events declared in {@link Register}; any name with an unknown payload when there are none. */
export type RegisteredEvents = Register extends { events: infer Events extends object }
  ? Events
  : Record<string, unknown>;

/**
 * Keeps the events of a call from being guessed from its routes where {@link Register} declares them: a
 * list of families says nothing of the payload, and the guess would replace what was declared.
 */
export type DeclaredEvents<Events> = Register extends { events: object } ? NoInfer<Events> : Events;

/** A TanStack Query key, or the first elements of one: a prefix matches every key below it. */
export type QueryKey = readonly unknown[];

/**
 * A family of queries: a key prefix, or a string as the short form of a prefix of one element
 * (`"tasks"` is `["tasks"]`).
 */
export type Family = string | QueryKey;

/**
 * What an event makes stale: a list of families, or a function that reads it from the payload.
 *
 * A list is the better choice where it is exact enough. When events may have been missed, the families
 * of lists are known and are refetched; what a function would have said is not, so every query is
 * invalidated where an instance has a function.
 *
 * ```ts
 * events: {
 *   task_updated: ["tasks", "task-status-counts"],
 *   block_moved: (block: Block) => [["blocks", block.day]],
 * }
 * ```
 */
export type Route<Data> =
  | readonly Family[]
  | ((data: Data, event: LiveEvent<string, Data>) => readonly Family[]);

/** Where the live connection goes. */
export interface EverfreshBackend {
  /** The protocol. `everfresh` is the package's own, `fresh.v1`. */
  kind: "everfresh";
  /**
   * The endpoint. May be relative to the page (`"/live"`); `http` and `https` are read as `ws` and
   * `wss`.
   */
  url: string | URL;
  /**
   * The ways to the server that may be used, the best first: `ws` is a WebSocket, `sse` a stream of events
   * with requests the other way, `poll` requests alone. A lower one is used where the network lets the better
   * one not through, and the better one is tried again from time to time. All three when left out; a server
   * that has WebSockets only wants `["ws"]`.
   */
  ladder?: readonly Transport[];
}

/** A way to the server. */
export type Transport = "ws" | "sse" | "poll";

/** Where the WebAssembly file comes from, when the bundler does not place it by itself. */
export type WasmSource =
  | string
  | URL
  | Response
  | BufferSource
  | WebAssembly.Module
  | Promise<Response | BufferSource | WebAssembly.Module>;

/** What `createEverfresh` takes. */
export interface EverfreshOptions<Events extends object = RegisteredEvents> {
  /**
   * The name of this instance, `"default"` when left out. All tabs of an origin that use the same
   * name, user and backend share one connection.
   */
  name?: string;
  /** Whose data this is: an id that differs between users, or `null` before login. */
  user: string | null;
  /** Where the live connection goes. */
  backend: EverfreshBackend;
  /** Channels to follow for as long as the instance is open. */
  channels?: readonly string[];
  /** What each event makes stale. Events that only have listeners need no entry. */
  events?: { [Name in keyof Events]?: Route<Events[Name]> };
  /** Where the WebAssembly file is, when it is not where the bundler put it. The first one on a page counts. */
  wasm?: WasmSource;
}

/** An event of a channel, as a listener gets it. */
export interface LiveEvent<Name extends string = string, Data = unknown> {
  readonly name: Name;
  readonly channel: string;
  readonly data: Data;
  /** The client that caused it, where the server says so. */
  readonly by: string | null;
  /** When the server sent it, in milliseconds since 1970 by the server's clock, where it says so. */
  readonly at: number | null;
}

/** Why queries were invalidated. */
export interface InvalidationCause {
  /** `event`: an event said so. `gap`: events may have been missed. `app`: `invalidate` was called. */
  readonly why: "event" | "gap" | "app";
  readonly event?: string;
  readonly channel?: string;
}

/** Families that just became stale. */
export interface Invalidation {
  readonly keys: readonly QueryKey[];
  readonly cause: InvalidationCause;
}

/** Something went wrong that did not stop the instance, or that stopped it (then the status is `failed`). */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** The error behind it, where there is one on this side of the wasm border. */
  readonly error?: EverfreshError;
}

/** The states of the connection. */
export type ConnectionStatus =
  | "idle"
  | "connecting"
  | "connected"
  | "degraded"
  | "reconnecting"
  | "offline"
  | "needs-auth"
  | "failed"
  | "closed";

/**
 * The part a tab plays. The `leader` holds the connection for all, a `follower` is served by it;
 * `alone` means that the browser cannot share one connection between tabs.
 */
export type TabRole = "leader" | "follower" | "alone" | "starting";

/** A channel's position in its stream of events. */
export interface ChannelStatus {
  readonly channel: string;
  /** `waiting` means that there is no connection to subscribe on. */
  readonly state: "waiting" | "subscribing" | "subscribed";
  readonly epoch?: string;
  readonly seq?: number;
}

/** What was counted in this tab since it started. */
export interface Counters {
  /** Events that were new. */
  readonly events: number;
  /** Events that had been seen before. */
  readonly duplicates: number;
  /** Times that events were missed while the link was up. */
  readonly gaps: number;
  /** Families of queries that were declared stale. */
  readonly invalidations: number;
  /** Things that should not have happened and were survived. */
  readonly faults: number;
  /** Sockets that this tab opened. */
  readonly dials: number;
  /** Frames that this tab got from the server. */
  readonly frames: number;
  /** Bytes of these frames. */
  readonly bytes: number;
}

/** The state of an instance at one moment. It is frozen; another moment is another object. */
export interface EverfreshSnapshot {
  readonly status: ConnectionStatus;
  /** Why it is so, for people to read. */
  readonly reason: string;
  /** Since when it is so, in milliseconds since 1970. */
  readonly since: number;
  /** How many times in a row a connection was tried without success. */
  readonly attempt: number;
  /** When the next try starts, in milliseconds since 1970; `null` when none is planned. */
  readonly nextRetry: number | null;
  /** The way to the server that is in use; `null` without a connection. */
  readonly transport: Transport | null;
  readonly role: TabRole;
  /** This tab's id. Empty until the engine runs. */
  readonly tab: string;
  /** How many tabs share the connection, this one included. */
  readonly tabs: number;
  readonly channels: readonly ChannelStatus[];
  readonly counters: Counters;
}

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** What every subscribing method takes. */
export interface SubscribeOptions {
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined;
}

/** The names of a map of events. */
export type EventName<Events extends object> = keyof Events & string;

/** A running instance, made by `createEverfresh`. */
export interface Everfresh<Events extends object = RegisteredEvents> {
  readonly name: string;
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
  on<Name extends EventName<Events>>(
    name: Name,
    listener: (data: Events[Name], event: LiveEvent<Name, Events[Name]>) => void,
    options?: SubscribeOptions,
  ): Unsubscribe;
  /** Hears which families became stale; all that became stale at once comes in one call. */
  onInvalidate(
    listener: (invalidations: readonly Invalidation[]) => void,
    options?: SubscribeOptions,
  ): Unsubscribe;
  /** Hears of faults. Without such a listener they go to the global `reportError`. */
  onFault(listener: (fault: Fault) => void, options?: SubscribeOptions): Unsubscribe;

  /** Follows a channel until the returned function is called. Followers of a channel are counted. */
  channel(name: string, options?: SubscribeOptions): Unsubscribe;
  /** Marks families as stale, as an event would. */
  invalidate(families: readonly Family[]): void;
  /** Dials at once, instead of waiting for the next planned try. */
  reconnect(): void;
  /** Ends everything this instance does. Calling it again does nothing. */
  close(): void;

  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}
