import { create } from "zustand";
import type { Sighting } from "../report";

/** How many of the last ones are kept. */
const KEPT = 50;

/** After so long another change of the same record is meant, in milliseconds. */
const FORGOTTEN = 30_000;

/** From the moment somebody acts until another device has painted it, in milliseconds: the last ones, in their order. */
export const useCrossings = create<{ readonly samples: readonly number[] }>(() => ({ samples: [] }));

interface Act {
  readonly device: string;
  readonly version: number;
  readonly at: number;
  /** Where it has been painted. */
  readonly reached: Set<string>;
}

const acts = new Map<string, Act>();

/** A tab of a device acted, or painted what somebody did. */
export function noteSighting(device: string, { kind, id, version, at }: Sighting): void {
  if (kind === "acted") {
    acts.set(id, { device, version, at, reached: new Set([device]) });
    return;
  }
  const act = acts.get(id);
  if (act === undefined || version <= act.version || act.reached.has(device)) return;
  if (at - act.at > FORGOTTEN) {
    acts.delete(id);
    return;
  }
  act.reached.add(device);
  useCrossings.setState(({ samples }) => ({ samples: [...samples, Math.max(0, at - act.at)].slice(-KEPT) }));
}

/** The value below which this share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number | null {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
