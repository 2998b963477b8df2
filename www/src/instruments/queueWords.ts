import { useQueryClient } from "@tanstack/react-query";
import type { QueueItem } from "everfresh";
import { useMemo } from "react";
import type { ShownTask } from "../scenes/tasks/api";
import { useTasks } from "../scenes/tasks/useTasks";
import { useView } from "../tab/view";

/** The titles of tasks, by their ids: of those that are shown, and of other projects as they were when they were left. */
export function useTitles(): ReadonlyMap<string, string> {
  const client = useQueryClient();
  const { data } = useTasks(useView(({ project }) => project));
  return useMemo(() => {
    const lists = client.getQueriesData<ShownTask[]>({ queryKey: ["tasks"] }).map(([, tasks]) => tasks);
    return new Map([...lists, data].flatMap((tasks) => tasks?.map(({ id, title }) => [id, title] as const) ?? []));
  }, [client, data]);
}

/** What a queued change is about, for people. What is stored may be of an older page: nothing is taken for granted. */
export function wordsOf({ name, vars }: QueueItem, titles: ReadonlyMap<string, string>): string {
  const { id, title, status, was } = (vars ?? {}) as Record<string, unknown>;
  const known = typeof id === "string" ? titles.get(id) : undefined;
  const task = `“${typeof was === "string" ? was : (known ?? `task ${String(id)}`)}”`;
  switch (name) {
    case "createTask":
      return `Add “${String(title)}”`;
    case "renameTask":
      return `Rename ${task} to “${String(title)}”`;
    case "setTaskStatus":
      return `Set ${task} to ${String(status)}`;
    case "moveBlock": {
      const { name: block, to } = (vars ?? {}) as { name?: unknown; to?: { start?: unknown } };
      const when = typeof to?.start === "number" ? new Date(to.start).toUTCString().slice(0, 22) : "another time";
      return `Move “${String(block)}” to ${when}`;
    }
    case "startFocus":
      return "Start a focus session";
    case "stopFocus":
      return "End the focus session";
    case "takeStep":
      return `Set a step to ${String((vars as { to?: unknown } | undefined)?.to)}`;
    case "addBook":
      return `Add the book “${String((vars as { book?: unknown } | undefined)?.book)}”`;
    case "removeTask":
      return `Delete ${task}`;
    default:
      return name ?? "A change that cannot be read";
  }
}
