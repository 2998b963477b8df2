import { useQuery } from "@tanstack/react-query";
import { listTasks } from "./api";
import type { ShownTask } from "./api";
import { listKey } from "./mutations";

/** The tasks of a project, or all. */
export function useTasks(project: string | null) {
  return useQuery<ShownTask[]>({ queryKey: listKey(project), queryFn: ({ signal }) => listTasks(project, signal) });
}
