import { useQuery } from "@tanstack/react-query";
import { listTasks } from "./api";
import type { ShownTask } from "./api";
import { LIST } from "./mutations";

export function useTasks() {
  return useQuery<ShownTask[]>({ queryKey: LIST, queryFn: ({ signal }) => listTasks(signal) });
}
