import type { EverfreshSnapshot } from "./types.js";

/**
 * The next value, frozen, in which every part that equals that part of the last one is the very same
 * object. So whoever looks at one part sees that it did not change by one comparison.
 */
export function share<Value>(last: unknown, next: Value): Value {
  if (last === next || typeof next !== "object" || next === null) return next;
  const before = (typeof last === "object" && last !== null ? last : {}) as Record<string, unknown>;
  const after = next as Record<string, unknown>;
  const names = Object.keys(after);
  let same = Array.isArray(last) === Array.isArray(next) && names.length === Object.keys(before).length;
  for (const name of names) {
    after[name] = share(before[name], after[name]);
    same &&= Object.is(before[name], after[name]);
  }
  return same && before === last ? (last as Value) : Object.freeze(next);
}

/** The state before the engine runs, and for ever where it does not run at all, as on a server. */
export const IDLE: EverfreshSnapshot = /* @__PURE__ */ share(undefined, {
  status: "idle",
  reason: "not started",
  since: 0,
  attempt: 0,
  nextRetry: null,
  authenticated: false,
  transport: null,
  role: "starting",
  tab: "",
  tabs: 1,
  relay: null,
  channels: [],
  queue: {
    state: "idle",
    count: 0,
    bytes: 0,
    inFlight: 0,
    parked: 0,
    dead: 0,
    conflicts: 0,
    aside: 0,
    oldest: null,
    nextRetry: null,
    drain: null,
  },
  freshness: [],
  layers: [],
  counters: {
    events: 0,
    duplicates: 0,
    gaps: 0,
    repeats: 0,
    echoes: 0,
    invalidations: 0,
    refetches: 0,
    violations: 0,
    probes: 0,
    faults: 0,
    dials: 0,
    frames: 0,
    bytes: 0,
  },
  metrics: null,
});
