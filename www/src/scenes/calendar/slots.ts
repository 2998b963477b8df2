import type { Block } from "./api";
import { CLOSES, OPENS, STEP, dayOf } from "./time";
import type { Span } from "./time";

/** The blocks, but for one, that have a part of this time. */
export function overlaps(blocks: readonly Block[], id: string, { start, end }: Span): Block[] {
  return blocks.filter((block) => block.id !== id && block.start < end && block.end > start);
}

/** The free times of the same length on the same day that are nearest, the earliest first. */
export function freeNear(blocks: readonly Block[], id: string, wanted: Span, most: number): Span[] {
  const length = wanted.end - wanted.start;
  const day = dayOf(wanted.start);
  const free: Span[] = [];
  for (let start = day + OPENS; start + length <= day + CLOSES; start += STEP) {
    const span = { start, end: start + length };
    if (overlaps(blocks, id, span).length === 0) free.push(span);
  }
  const away = (span: Span) => Math.abs(span.start - wanted.start);
  const chosen: Span[] = [];
  for (const span of free.sort((one, other) => away(one) - away(other))) {
    // Two that overlap are one offer.
    if (chosen.every(({ start, end }) => span.start >= end || span.end <= start)) chosen.push(span);
    if (chosen.length === most) break;
  }
  return chosen.sort((one, other) => one.start - other.start);
}
