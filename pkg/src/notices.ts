import type { EverfreshSnapshot, InvalidationCause, LiveEvent, QueryKey } from "./types.js";

/** What the engine tells, as it crosses the wasm border: a JSON array of these, one call a batch. */
export type Notice =
  | { type: "status"; snapshot: EverfreshSnapshot }
  | { type: "invalidate"; keys: QueryKey[]; cause: InvalidationCause }
  | ({ type: "event" } & LiveEvent)
  | { type: "fault"; code: string; message: string };

/** What the engine can be told, one JSON object a call. */
export type Command =
  | { do: "watch" | "unwatch"; channel: string }
  | { do: "listen" | "unlisten"; event: string }
  | { do: "invalidate"; keys: readonly QueryKey[] }
  | { do: "reconnect" };

/** Freezes a snapshot in depth, because every reader gets the same object. */
export function freezeSnapshot(snapshot: EverfreshSnapshot): EverfreshSnapshot {
  for (const channel of snapshot.channels) Object.freeze(channel);
  Object.freeze(snapshot.channels);
  Object.freeze(snapshot.counters);
  return Object.freeze(snapshot);
}

/** The state before the engine runs, and for ever where it does not run at all, as on a server. */
export const IDLE: EverfreshSnapshot = freezeSnapshot({
  status: "idle",
  reason: "not started",
  since: 0,
  attempt: 0,
  nextRetry: null,
  transport: null,
  role: "starting",
  tab: "",
  tabs: 1,
  channels: [],
  counters: { events: 0, duplicates: 0, gaps: 0, invalidations: 0, faults: 0, dials: 0, frames: 0, bytes: 0 },
});
