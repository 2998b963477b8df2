import type {
  CacheReport,
  InvalidationCause,
  LiveEvent,
  LogPart,
  QueryKey,
  EverfreshSnapshot,
  UserChange,
  Violation,
} from "./types.js";

/** What the engine tells about a mutation, or asks for it. */
export type MutationNotice =
  | { type: "mutation"; state: "accepted"; call: number; id: string; durable: boolean }
  | { type: "mutation"; state: "refused"; call: number; code: string }
  | { type: "mutation"; state: "settled"; call: number | null; id: string; end: "applied"; result: unknown }
  | { type: "mutation"; state: "settled"; call: number | null; id: string; end: "resolved"; how: string }
  | ({ type: "mutation"; state: "settled"; call: number | null; id: string; end: "dead" } & LetterNotice)
  | ({ type: "mutation"; state: "conflict"; call: number | null; id: string } & LetterNotice)
  | { type: "mutation"; state: "detached"; call: number; id: string }
  | RunNotice
  | { type: "cancel"; id: string; attempt: number }
  | { type: "queue"; call: number; ok: true; value: unknown }
  | { type: "queue"; call: number; ok: false; code: string };

/** Why a mutation was not done. */
export interface LetterNotice {
  why: string;
  status?: number;
  body?: unknown;
}

/** That the app's function is to be run. */
export interface RunNotice {
  type: "run";
  id: string;
  name: string;
  version: number;
  lane: string;
  vars: unknown;
  idempotencyKey: string;
  attempt: number;
  stamp: string;
  theirs?: unknown;
  keepalive: boolean;
}

/** What the engine tells, as it crosses the wasm border: a JSON array of these, one call a batch. */
export type Notice =
  | { type: "status"; snapshot: EverfreshSnapshot }
  | { type: "invalidate"; keys: QueryKey[]; cause: InvalidationCause; handled: boolean }
  | { type: "refetch"; keys: QueryKey[]; cause: InvalidationCause }
  | { type: "lost" | "stale"; keys: QueryKey[] }
  | ({ type: "event" } & LiveEvent)
  | MutationNotice
  | ({ type: "violation" } & Violation)
  | { type: "token"; request: number; reason: string; channel?: string }
  | { type: "user"; change: UserChange; clear: boolean }
  | { type: "fault"; code: string; message: string }
  | { type: "log"; part: string; text: string }
  | { type: "people" | "signal" | "lease" };

/** What the engine can be told, one JSON object a call. */
export type Command =
  | { do: "watch" | "unwatch"; channel: string }
  | { do: "listen" | "unlisten"; event: string }
  | { do: "watchContract" | "unwatchContract" | "enableContract" | "disableContract" | "refreshContract"; contract: string }
  | { do: "invalidate"; keys: readonly QueryKey[] }
  | ({ do: "fetch"; key: QueryKey } & CacheReport)
  | { do: "applied"; mutation: string; keys: readonly QueryKey[]; stale: readonly QueryKey[] }
  | { do: "mutate"; id: number; name: string; vars: unknown; [member: string]: unknown }
  | { do: "done"; id: string; attempt: number; outcome: unknown }
  | { do: "queue"; id: number; op: string; [member: string]: unknown }
  | { do: "token"; request: number; token?: unknown; failed?: string }
  | { do: "logged-in"; token?: string | undefined }
  | { do: "user"; user: string | null }
  | { do: "log"; parts: readonly (LogPart | "all")[] }
  | ({ do: "layer"; n: number } & Pick<
      EverfreshSnapshot,
      "status" | "reason" | "since" | "attempt" | "nextRetry" | "authenticated" | "transport"
    >)
  | ({ do: "elsewhere"; n: number } & LiveEvent)
  | { do: "missed"; n: number; channel: string }
  | { do: "reconnect" };
