import type { MutationError, QueueItem } from "everfresh";
import { useEverfresh, useLiveMutation } from "everfresh/react";
import { useState } from "react";
import type { ShownTask, TaskStatus } from "./api";
import type { Rename } from "./mutations";

/** How the last change of a task stands. `queued` is one of another tab, or of before a reload. */
export type WriteState = "idle" | "moving" | "queued" | "saved" | "failed" | "conflict";

/** What the queue of all tabs has about a task. */
export interface Letters {
  readonly waiting?: QueueItem;
  readonly dead?: QueueItem;
  readonly conflict?: QueueItem;
}

type Kind = "rename" | "status" | "remove";

/**
 * The changes of one task, as a row shows them. This component's own are known from their hooks, at once; what was
 * left over by another tab or an earlier page is known from the queue.
 */
export function useTaskWrites(task: ShownTask, { waiting, dead, conflict }: Letters) {
  const { queue } = useEverfresh();
  const rename = useLiveMutation("renameTask");
  const status = useLiveMutation("setTaskStatus");
  const remove = useLiveMutation("removeTask");
  const [last, setLast] = useState<Kind>("status");
  const own = { rename, status, remove }[last];
  const error = own.state === "failed" ? own.error : undefined;
  // What was refused outright, for want of room or because it was discarded, is in no list.
  const refused = error !== undefined && error.message !== "" && (error as MutationError).id === undefined;
  const state: WriteState = conflict
    ? "conflict"
    : dead || refused
      ? "failed"
      : own.state === "moving" || own.state === "saved"
        ? own.state
        : waiting
          ? "queued"
          : "idle";
  return {
    state,
    /** Why it was not done. */
    reason: dead ? reasonOf(dead) : refused ? error.message : undefined,
    rename: (vars: Omit<Rename, "id">) => {
      setLast("rename");
      rename.mutate({ id: task.id, ...vars });
    },
    setStatus: (to: TaskStatus) => {
      setLast("status");
      status.mutate({ id: task.id, status: to });
    },
    remove: () => {
      setLast("remove");
      remove.mutate({ id: task.id });
    },
    retry: () => {
      if (dead) void queue.retry(dead.id);
    },
    discard: () => {
      own.reset();
      if (dead) void queue.discard(dead.id);
    },
  };
}

/** What the server said of a mutation that it refused. */
export function reasonOf({ body, status, why }: QueueItem): string {
  const message = (body as { message?: unknown } | null)?.message;
  if (typeof message === "string") return message;
  return status !== undefined && status > 0 ? `the server answered ${status}` : (why ?? "it failed");
}
