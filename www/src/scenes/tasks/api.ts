import { read, write } from "../../net/http";

export type TaskStatus = "todo" | "doing" | "done";

/** A task, as the server keeps it. */
export interface Task {
  id: string;
  project: string | null;
  title: string;
  status: TaskStatus;
  /** Counts the writes to this record. */
  version: number;
  created_at: number;
  updated_at: number;
}

export interface NewTask {
  title: string;
  project: string | null;
}

export const listTasks = (signal: AbortSignal) => read<Task[]>("/api/tasks", signal);

export const createTask = ({ title, project }: NewTask) =>
  write<Task>("POST", "/api/tasks", project === null ? { title } : { title, project });

export const setStatus = (id: string, status: TaskStatus) =>
  write<Task>("PATCH", `/api/tasks/${encodeURIComponent(id)}`, { status });

export const deleteTask = (id: string) => write<void>("DELETE", `/api/tasks/${encodeURIComponent(id)}`);
