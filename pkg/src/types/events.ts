import type { AnyMutation } from "./mutations.js";

/**
 * The place to declare an app's events, mutations and contracts once, so that hooks and every
 * `createEverfresh` call know their names and types:
 *
 * ```ts
 * declare module "everfresh" {
 *   interface Register {
 *     events: { task_updated: Task; task_deleted: { id: string } };
 *     mutations: { rename: Mutation<{ id: string; title: string }, Task> };
 *     contracts: "tasks" | "planner";
 *   }
 * }
 * ```
 */
export interface Register {}

/** The events declared in {@link Register}; any name with an unknown payload when there are none. */
export type RegisteredEvents = Register extends { events: infer Events extends object }
  ? Events
  : Record<string, unknown>;

/** The mutations declared in {@link Register}; any name with any variables when there are none. */
export type RegisteredMutations = Register extends { mutations: infer Mutations extends object }
  ? Mutations
  : Record<string, AnyMutation>;

/** The names of contracts declared in {@link Register}; any name when there are none. */
export type RegisteredContracts = Register extends { contracts: infer Name extends string } ? Name : string;

/**
 * Keep what {@link Register} declares from being guessed anew from the options of a call: a list of
 * families says nothing of a payload, and the guess would replace what was declared.
 */
export type DeclaredEvents<Events> = Register extends { events: object } ? NoInfer<Events> : Events;
/** The same for mutations. */
export type DeclaredMutations<Mutations> = Register extends { mutations: object } ? NoInfer<Mutations> : Mutations;
/** The same for contracts. */
export type DeclaredContracts<Name> = Register extends { contracts: string } ? NoInfer<Name> : Name;

/** The names of a map. */
export type NameOf<Map extends object> = keyof Map & string;

/** A TanStack Query key, or the first elements of one: a prefix matches every key below it. */
export type QueryKey = readonly unknown[];

/**
 * A family of queries: a key prefix, or a string as the short form of a prefix of one element
 * (`"tasks"` is `["tasks"]`).
 */
export type Family = string | QueryKey;

/**
 * What an event makes stale: a list of families, a {@link RouteRule}, or a function that reads the
 * families from the payload.
 *
 * A list is the better choice where it is exact enough. When events may have been missed, the families
 * of lists are known and are refetched; what a function would have said is not, so every query is
 * invalidated where an instance has a function. A string like `"$.task.project"` in a key stands for
 * what the payload has there, and says as much as most functions do.
 *
 * ```ts
 * events: {
 *   task_updated: ["tasks", "task-status-counts"],
 *   task_moved: [["board", "$.board"]],
 *   block_moved: (block: Block) => [["blocks", dayOf(block)]],
 * }
 * ```
 */
export type Route<Data> = readonly Family[] | RouteRule | ((data: Data, event: LiveEvent<string, Data>) => readonly Family[]);

/** A route that says besides where the payload names the change. Paths look like `"$.task.id"`. */
export interface RouteRule {
  /** The families. A key may end with `{ $range: [["$.start", "$.end"]] }`: only what shows that time. */
  keys: readonly Family[];
  /** The name of the event of another layer that tells of the same changes. */
  as?: string;
  /** Where the id of the change is: several layers that tell of it count once. */
  change?: string;
  /** Where the id of what changed is; with `version` it stands for `change`. */
  entity?: string;
  /** Where the version is that the change led to: one order over all that the families show. */
  version?: string;
  /** Where the idempotency key of the mutation is that caused it: the echo of one's own costs nothing. */
  mutation?: string;
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
  /**
   * `event`: an event said so. `gap`: events may have been missed. `app`: `invalidate` was called.
   * Anything else is a contract's word, such as `poll` or `focus`; then `contract` says whose.
   */
  readonly why: "event" | "gap" | "app" | (string & {});
  readonly event?: string;
  readonly channel?: string;
  readonly contract?: string;
}

/** Families that just became stale. */
export interface Invalidation {
  readonly keys: readonly QueryKey[];
  readonly cause: InvalidationCause;
}
