import { read } from "../../net/http";

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

/** A task, as the page shows it. */
export interface ShownTask extends Task {
  /** The server has not said yet that it is so. */
  pending?: "new" | "gone";
}

/** The address of something about a project, or about all. */
export const about = (what: string, project: string | null) => `/api/${what}${project === null ? "" : `?project=${encodeURIComponent(project)}`}`;

export const listTasks = (project: string | null, signal: AbortSignal) => read<Task[]>(about("tasks", project), signal);
