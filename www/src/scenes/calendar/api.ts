import { read, write } from "../../net/http";
import type { RunContext } from "everfresh";
import { DAY, iso } from "./time";
import type { Span } from "./time";

/** A block of the calendar, as the server keeps it. */
export interface Block extends Span {
  readonly id: string;
  readonly title: string;
  readonly kind: "meeting" | "focus" | "task";
  /** Counts the moves of this block. */
  readonly version: number;
}

/** What the server tells of a move. */
export interface TimeblockUpdated {
  readonly timeblock: {
    readonly id: string;
    readonly title: string;
    readonly start_time: string;
    readonly end_time: string;
    readonly type: string;
    readonly source: string;
    readonly old_start_time: string;
    readonly old_end_time: string;
    readonly version: number;
  };
  readonly timestamp: string;
}

/** The key of a day. It says which time it shows, so that an event makes only those stale that show its times. */
export const dayKey = (day: number) => ["timeblocks", "range", iso(day), iso(day + DAY)];

export const listDay = (day: number, signal: AbortSignal) => read<Block[]>(`/api/blocks?from=${day}&to=${day + DAY}`, signal);

export const patchBlock = (id: string, { start, end }: Span, context: RunContext) =>
  write<Block>("PATCH", `/api/blocks/${encodeURIComponent(id)}`, { start, end }, context);
