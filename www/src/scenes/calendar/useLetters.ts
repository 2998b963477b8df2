import type { QueueItem } from "everfresh";
import { useQueue } from "everfresh/react";
import { useMemo } from "react";

/** The moves that the server refused and that wait for the user, of all tabs, by the block. */
export function useRefusedMoves(): ReadonlyMap<string, QueueItem> {
  const { items } = useQueue("dead");
  return useMemo(() => {
    const moves = items.filter(({ name }) => name === "moveBlock");
    return new Map(moves.map((item) => [String((item.vars as { block?: unknown } | undefined)?.block), item]));
  }, [items]);
}
