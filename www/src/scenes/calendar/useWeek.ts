import { useQueries } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { dayKey, listDay } from "./api";
import type { Block } from "./api";
import { DAY } from "./time";

/** The days that are shown: each is a query of its own, with the time that it shows in its key. */
export function useDays(first: number, count: number): { blocks: Block[]; loaded: boolean; failed: boolean; days: number[]; askedAt: number[] } {
  const days = Array.from({ length: count }, (_, index) => first + index * DAY);
  const queries = useQueries({
    queries: days.map((day) => ({ queryKey: dayKey(day), queryFn: ({ signal }: { signal: AbortSignal }) => listDay(day, signal) })),
  });
  return {
    days,
    /** When each was last answered: a move asks for the days concerned, and for no other. */
    askedAt: queries.map(({ dataUpdatedAt }) => dataUpdatedAt),
    blocks: queries.flatMap(({ data }) => data ?? []),
    loaded: queries.every(({ data }) => data !== undefined),
    failed: queries.some(({ isError }) => isError),
  };
}

const wide = matchMedia("(min-width: 48rem)");

/** A week of work where there is room for it, and three days of it where there is not. */
export function useDayCount(): 3 | 5 {
  return useSyncExternalStore(onWidth, () => (wide.matches ? 5 : 3));
}

function onWidth(changed: () => void): () => void {
  wide.addEventListener("change", changed);
  return () => wide.removeEventListener("change", changed);
}
