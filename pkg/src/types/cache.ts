import type { Invalidation, LiveEvent, QueryKey } from "./events.js";

/** What an adapter says happened to a query, as the engine reads it. */
export type CacheReport =
  | { phase: "observe"; active: boolean; age?: number }
  | { phase: "start"; age?: number }
  | { phase: "success"; version?: string | number }
  | { phase: "failure"; retryAfter?: number | string }
  | { phase: "cancel" | "remove" };

/** What a mutation shows before the server has answered. */
export interface PendingEdit {
  readonly parts: readonly {
    /** The queries that show it. */
    readonly key: QueryKey;
    readonly update: (data: unknown) => unknown;
    readonly commit: ((data: unknown, answer: unknown) => unknown) | undefined;
  }[];
}

/** What an adapter of a query cache does when it is told. Apps use `attach` of `everfresh/tanstack`. */
export interface CacheAdapter {
  /**
   * Families are stale. `handled` says that the engine looks after every query that was reported to it:
   * only the others are the adapter's own business.
   */
  invalidate(invalidations: readonly Invalidation[], handled: boolean): void;
  /** Refetch exactly these, without cancelling a fetch that runs. */
  refetch(keys: readonly QueryKey[]): void;
  /** Fetches of these hang: cancel them, and fetch again what somebody looks at. */
  lost(keys: readonly QueryKey[]): void;
  /** Nobody looks at these, and they are stale: whoever looks next has to fetch. */
  stale(keys: readonly QueryKey[]): void;
  /** An event came, of those that somebody listens to. What it made stale is told next. */
  event?(event: LiveEvent): void;
  /** The engine runs, or another one does: it knows of no query yet. */
  opened(): void;
  /** Somebody else is there, or nobody: drop everything. `refetch` what is shown if somebody is. */
  clear(refetch: boolean): void;
  /** A mutation begins to be shown. */
  show(edit: PendingEdit): void;
  /**
   * It ended: by the server's answer, or it is to be taken back. Gives the keys of the parts that took the answer
   * for the newest data; others stay until their queries were fetched again.
   */
  settle(edit: PendingEdit, result: { readonly answer: unknown } | undefined): readonly QueryKey[];
}

/** An adapter's line to the engine. */
export interface CacheConnection {
  /** Says what happened to a query. False if the engine does not look after it. */
  report(key: QueryKey, report: CacheReport): boolean;
  /** Says that a function of the app threw. */
  threw(error: unknown): void;
  /** Ends it. */
  end(): void;
}
