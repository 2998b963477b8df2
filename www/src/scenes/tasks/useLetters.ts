import type { QueueItem } from "everfresh";
import { useConflicts, useQueue } from "everfresh/react";
import { useMemo } from "react";
import type { Letters } from "./useTaskWrites";

/** What the queue of all tabs has about each task, by its id. */
export function useLetters(): ReadonlyMap<string, Letters> {
  const { items: waiting } = useQueue("queue");
  const { items: dead } = useQueue("dead");
  const { items: conflicts } = useConflicts();
  return useMemo(() => {
    const letters = new Map<string, Letters>();
    const put = (items: readonly QueueItem[], as: keyof Letters) => {
      for (const item of items) {
        const id = (item.vars as { id?: unknown } | undefined)?.id;
        if (typeof id === "string") letters.set(id, { ...letters.get(id), [as]: item });
      }
    };
    put(waiting, "waiting");
    put(dead, "dead");
    put(conflicts, "conflict");
    return letters;
  }, [waiting, dead, conflicts]);
}
