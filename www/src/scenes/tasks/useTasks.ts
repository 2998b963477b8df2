import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { QueryClient } from "@tanstack/react-query";
import { useEverfresh } from "everfresh/react";
import { useState } from "react";
import { createTask, deleteTask, listTasks, setStatus } from "./api";
import type { Task } from "./api";

/** The key of the list. It lies in the family `["tasks"]`, which every event of a task makes stale. */
const LIST = ["tasks", "list"];

export function useTasks() {
  return useQuery({ queryKey: LIST, queryFn: ({ signal }) => listTasks(signal) });
}

/**
 * The writes. What the server answered is shown at once; the event of the write, which comes to this
 * tab as to every other, brings the one refetch that makes sure of it.
 */
export function useTaskWrites() {
  const client = useQueryClient();
  const live = useEverfresh();
  /** Without a connection no event will come, so the list is told to be stale by hand. */
  const settle = () => {
    if (live.getSnapshot().status !== "connected") live.invalidate(["tasks"]);
  };
  // One for all three: a write that goes well takes the complaint about the last one away.
  const [error, setError] = useState<Error | null>(null);
  const common = { onMutate: () => setError(null), onError: setError, onSettled: settle };
  return {
    error,
    create: useMutation({
      ...common,
      mutationFn: createTask,
      onSuccess: (task) => putTask(client, task),
    }),
    change: useMutation({
      ...common,
      mutationFn: ({ id, status }: Pick<Task, "id" | "status">) => setStatus(id, status),
      onSuccess: (task) => putTask(client, task),
    }),
    remove: useMutation({
      ...common,
      mutationFn: deleteTask,
      onSuccess: (_, id) => {
        client.setQueryData<Task[]>(LIST, (tasks) => tasks?.filter((task) => task.id !== id));
      },
    }),
  };
}

/** Puts a task into the list, unless the list has it in a newer version. */
function putTask(client: QueryClient, task: Task): void {
  client.setQueryData<Task[]>(LIST, (tasks) => {
    if (tasks === undefined) return tasks;
    const known = tasks.find(({ id }) => id === task.id);
    if (known === undefined) return [...tasks, task];
    return known.version >= task.version ? tasks : tasks.map((other) => (other.id === task.id ? task : other));
  });
}
