import type { Transport } from "./options.js";

/** The states of the connection. */
export type ConnectionStatus =
  | "idle"
  | "connecting"
  | "connected"
  | "degraded"
  | "polling"
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
  readonly state: "waiting" | "subscribing" | "subscribed" | "refused";
  readonly epoch?: string;
  readonly seq?: number;
}

/** How a contract stands. Times are milliseconds since 1970, spans milliseconds. */
export interface ContractStatus {
  readonly contract: string;
  readonly state: "fresh" | "stale" | "empty" | "violated" | "unwatched" | "manual" | "disabled" | "paused";
  /** How old the oldest data is that is shown. */
  readonly age: number | null;
  /** Until when it is fresh. */
  readonly deadline: number | null;
  /** What brought the data. */
  readonly source: "push" | "poll" | "fetch" | (string & {}) | null;
  readonly since: number;
  readonly violations: number;
  readonly nextPoll: number | null;
  /** How often it is looked after at present. */
  readonly interval: number | null;
  readonly reason: string;
}

/** How the queue of mutations stands, over all tabs. */
export interface QueueStatus {
  readonly state: "idle" | "reading" | "sending" | "waiting" | "offline" | "needs-auth";
  /** How many are not through. */
  readonly count: number;
  readonly bytes: number;
  readonly inFlight: number;
  /** How many wait because no page has their function. */
  readonly parked: number;
  /** How many failed for good and wait for the user. */
  readonly dead: number;
  readonly conflicts: number;
  /** How many records cannot be used. */
  readonly aside: number;
  /** When the oldest one that is not through was accepted. */
  readonly oldest: number | null;
  readonly nextRetry: number | null;
  /** Of a backlog that is being worked off. */
  readonly drain: { readonly done: number; readonly total: number } | null;
}

/** How one of several backends stands. */
export interface LayerStatus {
  /** Its name in `layers`; of `backend` its kind. */
  readonly layer: string;
  /** `silent`: it is connected, and does not tell of changes that another one tells of. */
  readonly status: ConnectionStatus | "silent";
  readonly reason: string;
  readonly since: number;
  /** Whether changes can be expected by it at present. */
  readonly brings: boolean;
  /** When it told of something last, in milliseconds since 1970. */
  readonly heard: number | null;
}

/** What was counted in this tab since it started, or since another user came. */
export interface Counters {
  /** Events that were new. */
  readonly events: number;
  /** Events that had been seen before. */
  readonly duplicates: number;
  /** Times that events were missed while the link was up. */
  readonly gaps: number;
  /** Events that told of a change of which another layer had told. */
  readonly repeats: number;
  /** Events that told of a change of this tab whose result was known. */
  readonly echoes: number;
  /** Families of queries that were declared stale. */
  readonly invalidations: number;
  /** Queries that were refetched. */
  readonly refetches: number;
  /** Contracts that were broken. */
  readonly violations: number;
  /** Looks whether something changed. */
  readonly probes: number;
  /** Things that should not have happened and were survived. */
  readonly faults: number;
  /** Connections that this tab opened. */
  readonly dials: number;
  /** Frames that this tab got from the server. */
  readonly frames: number;
  /** Bytes of these frames. */
  readonly bytes: number;
}

/** How long a stage took, in milliseconds. */
export interface Latency {
  readonly samples: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Figures about this tab, worked out once a second at most. Shares are percent. */
export interface Metrics {
  /** For how much of the time that a link was wanted there was one. */
  readonly uptime: number | null;
  readonly messagesPerSecond: number;
  readonly reconnects: number;
  readonly reconnectsLastHour: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly latency: { readonly event: Latency; readonly invalidation: Latency; readonly refetch: Latency };
  readonly fetches: number;
  readonly mutations: number;
  readonly failureRate: number | null;
  readonly conflictRate: number | null;
  readonly roundTrip: number | null;
  /** How far the server's clock is ahead of this one. */
  readonly serverClockOffset: number | null;
}

/**
 * The state of an instance at one moment. It is frozen; another moment is another object, of which the
 * parts that did not change are the same objects as before.
 */
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
  /** Whether the server knows who this is: connected and authenticated are two things. */
  readonly authenticated: boolean;
  /** The way to the server that is in use; `null` without a connection. */
  readonly transport: Transport | null;
  readonly role: TabRole;
  /** Why this tab is alone, if it is. */
  readonly alone?: string;
  /** This tab's id. Empty until the engine runs. */
  readonly tab: string;
  /** How many tabs share the connection, this one included. */
  readonly tabs: number;
  /**
   * Who holds the socket and the timers while this tab has the connection: a `worker`, which is awake while
   * the page is hidden, or the `page` itself. `null` when another tab has the connection, and until it is known.
   */
  readonly relay: "worker" | "page" | null;
  readonly channels: readonly ChannelStatus[];
  readonly queue: QueueStatus;
  readonly freshness: readonly ContractStatus[];
  /** The backends, where there are several: `backend` first, then those of `layers`. */
  readonly layers: readonly LayerStatus[];
  readonly counters: Counters;
  readonly metrics: Metrics | null;
}
