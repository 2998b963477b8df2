import type { Family, QueryKey } from "./events.js";
import type { EverfreshError, MutationError } from "../errors.js";

/** What a mutation's function is given besides its variables. */
export interface RunContext {
  /**
   * Names the mutation for good, whatever tab runs it and how often: a server that knows it already
   * answers as it did, and does nothing.
   */
  readonly idempotencyKey: string;
  /** Headers for the request: `idempotency-key`, and `everfresh-client`, by which this tab knows its own events. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts when the run is of no use any more. */
  readonly signal: AbortSignal;
  /** Counts the runs of this mutation in this page's session with it. */
  readonly attempt: number;
  /** The lane it runs in. */
  readonly lane: string;
  /** The version of the form of its variables: they may have been stored by an older page. */
  readonly version: number;
  /** By which the last writer wins: it grows over all devices, with clocks that disagree. */
  readonly stamp: string;
  /** What the other side has and this run is to replace, after a conflict. */
  readonly theirs?: unknown;
  /** The page is about to go: only a small request with `keepalive` is of use. */
  readonly keepalive: boolean;
}

/**
 * A mutation as a type: its function. It may return the answer or a promise of it; the answer has to be
 * plain JSON.
 */
export type Mutation<Vars, Result = unknown> = (vars: Vars, context: RunContext) => Result | Promise<Result>;

/** Any mutation. */
export type AnyMutation = (vars: any, context: RunContext) => unknown;

/** The variables of a mutation. */
export type VarsOf<Run> = Run extends (vars: infer Vars, ...rest: any) => unknown ? Vars : never;

/** The answer of a mutation. */
export type ResultOf<Run> = Run extends (...args: any) => infer Result ? Awaited<Result> : never;

/** How one input waits for the next, which replaces it. */
export type InputKind = "plain" | "text" | "slider" | "checkbox" | "form" | "analytics";

/** What a mutation changes on the screen before the server has answered. */
export interface OptimisticEdit<Vars, Result = unknown> {
  /** The query that shows it, by its whole key or by a prefix of several. */
  key: Family | ((vars: Vars) => Family);
  /**
   * The data with the change in it. Must not change what it is given. It is called again on newer data, which may have
   * the change already: then it has to leave it as it is.
   */
  update: (data: any, vars: Vars) => unknown;
  /**
   * The data with the server's answer in it. With it the answer is taken for the newest data and
   * nothing is refetched; without it the queries are refetched once.
   */
  commit?: (data: any, result: Result, vars: Vars) => unknown;
}

/** A mutation, as the options hold it. Wrap it in `mutation()` to have its callbacks typed by `run`. */
export interface MutationOptions<Run> {
  /**
   * Does it. Throw what has a `status` (a `Response`, or an error of your HTTP client): 4xx ends it, 401
   * waits for a login, 409 and 412 are conflicts, 429 and 5xx are tried again. Other errors are tried
   * again a few times.
   */
  run: Run;
  /** What runs in a lane runs in order; lanes do not wait for each other. `"default"` when left out. */
  lane?: string | ((vars: VarsOf<Run>) => string | number);
  /** Shown before the server has answered, and rolled back if it refuses. */
  optimistic?: OptimisticEdit<VarsOf<Run>, ResultOf<Run>> | readonly OptimisticEdit<VarsOf<Run>, ResultOf<Run>>[];
  /** What the mutation makes stale, once it is done. Refetched once, however many events tell of it. */
  invalidates?: readonly Family[] | ((vars: VarsOf<Run>, result: ResultOf<Run>) => readonly Family[]);
  /** How it waits for the next one of its lane that replaces it. */
  kind?: InputKind;
  /** A newer one of its lane with the same word here replaces it. */
  coalesce?: string | ((vars: VarsOf<Run>) => string);
  /** Waits for all that was accepted before it, and all after wait for it. */
  barrier?: boolean;
  /** What was edited, for a merge after a conflict. */
  base?: (vars: VarsOf<Run>) => unknown;
  /** What a conflict comes to: `server` wins, `client` wins, `merge` by fields, or `ask` the user (the default). */
  conflict?: "server" | "client" | "merge" | "ask";
  /** After how many runs that failed for no reason of the network it is given up. */
  attempts?: number;
  /** How long a run may take, in milliseconds. */
  timeout?: number;
  /** Whether its lane waits for the user when it is given up. */
  stops?: boolean;
  /** The version of the form of its variables. Older ones that are still queued are run too, newer ones wait. */
  version?: number;
}

/** What one call of `mutate` may say for itself. */
export interface MutateOptions {
  /** Takes it back when it aborts, unless it is on its way. */
  signal?: AbortSignal | undefined;
  /** Instead of the mutation's own lane. */
  lane?: string;
  /** Instead of the mutation's own base. */
  base?: unknown;
  /** The stamp of what it replaces, which its own stamp has to be later than. */
  over?: string;
}

/** That a mutation was accepted. */
export interface Accepted {
  readonly id: string;
  /** Whether it outlives this tab: it is stored. */
  readonly durable: boolean;
}

/**
 * A mutation on its way: a promise of the server's answer. It rejects with a {@link MutationError} when
 * it was refused, given up, replaced by a newer one or discarded.
 *
 * Nobody has to await it. What failed for good and nobody awaits is told by `onFault`.
 */
export interface Mutating<Result> extends Promise<Result> {
  /** Resolves when it is stored and will be done, whatever becomes of this page. */
  readonly accepted: Promise<Accepted>;
}

/** What becomes of a mutation, told to whoever listens: those of other tabs too, once they end. */
export interface MutationNews {
  readonly state: "accepted" | "refused" | "applied" | "resolved" | "dead" | "conflict" | "detached";
  /** Its id; none before it was accepted. */
  readonly id?: string;
  /** Its name and variables, if it was made by this page. */
  readonly name?: string;
  readonly vars?: unknown;
  /** The server's answer. */
  readonly result?: unknown;
  /** Why it failed. */
  readonly error?: MutationError;
}

/** The lists of the queue: what is not through, what failed for good, conflicts, records that are unreadable. */
export type QueueList = "queue" | "dead" | "conflicts" | "aside";

/** A mutation in a list of the queue. */
export interface QueueItem {
  readonly id: string;
  readonly state: "waiting" | "running" | "parked-newer" | "parked-unknown" | "dead" | "conflict" | "newer" | "damaged";
  readonly name?: string;
  readonly lane?: string;
  readonly vars?: unknown;
  readonly base?: unknown;
  /** The version of the form of its variables. */
  readonly v?: number;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at?: number;
  readonly attempts?: number;
  /** Why it failed: `rejected`, `exhausted` or `conflict`. */
  readonly why?: string;
  readonly status?: number;
  /** What the server answered; in a conflict what the other side has. */
  readonly body?: unknown;
  /** The fields that both sides changed. */
  readonly fields?: readonly string[];
  /** What is stored, where it cannot be read. */
  readonly record?: string;
}

/** A page of a list. */
export interface QueuePage {
  readonly items: readonly QueueItem[];
  /** Where the next page begins; `null` at the end. */
  readonly next: string | null;
}

/** What the queue's methods take. */
export interface QueueCall {
  /** Stops waiting for the answer when it aborts. What was asked for may be done all the same. */
  signal?: AbortSignal | undefined;
}

/** The queue of mutations: one for all tabs of this user. Every method rejects with an {@link EverfreshError}. */
export interface Queue {
  list(options?: { of?: QueueList; after?: string; limit?: number } & QueueCall): Promise<QueuePage>;
  /** Tries one again that failed for good, or all; resolves to how many. */
  retry(id?: string, options?: QueueCall): Promise<number>;
  /** Tries it again with other variables. */
  edit(id: string, vars: unknown, options?: QueueCall): Promise<void>;
  /** Gives it up. One that is on its way cannot be called back. */
  discard(id: string, options?: QueueCall): Promise<void>;
  /** Settles a conflict: the server's side, the client's, or both merged by hand. */
  resolve(id: string, take: "server" | "client", options?: QueueCall): Promise<void>;
  resolve(id: string, take: "merged", vars: unknown, options?: QueueCall): Promise<void>;
  /** Everything that is not through, to be kept somewhere else. */
  export(options?: QueueCall): Promise<QueueExport>;
  /** Takes what was exported; resolves to how many were not known. */
  import(data: QueueExport, options?: QueueCall): Promise<number>;
  /** Tries at once what waits to be tried again. */
  flush(options?: QueueCall): Promise<void>;
}

/** An exported queue. What is in it belongs to the user who made it, and can be imported by that one only. */
export interface QueueExport {
  readonly everfresh: "queue";
  readonly scope: string;
  readonly entries: readonly unknown[];
  readonly aside: readonly string[];
}

export type { QueryKey };
