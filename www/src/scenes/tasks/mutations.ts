import { mutation } from "everfresh";
import type { Mutation } from "everfresh";
import { HttpError, write } from "../../net/http";
import type { ShownTask, Task, TaskStatus } from "./api";

/** The key of the list of all. It lies in the family `["tasks"]`, which every event of a task makes stale. */
export const LIST = ["tasks", "list"];

/** The lists of projects: a key for each. */
const OF_PROJECTS = ["tasks", "project"];

/** The key of the list of a project, or of all. */
export const listKey = (project: string | null) => (project === null ? LIST : [...OF_PROJECTS, project]);

export interface NewTask {
  title: string;
  project: string | null;
  /** Names it until the server does. */
  ref: string;
  /** The newest task that the page knew: what has a higher number came later. */
  after: number;
}

export interface Rename {
  id: string;
  title: string;
  /** What it is made from: the title, and the version of the record that had it. */
  was: string;
  version: number;
  /** The lease that it was made under, as the header of a write has it. */
  guard: string | null;
}

export interface StatusChange {
  id: string;
  status: TaskStatus;
}

export interface TaskMutations {
  createTask: Mutation<NewTask, Task>;
  renameTask: Mutation<Rename, Task>;
  setTaskStatus: Mutation<StatusChange, Task>;
  removeTask: Mutation<{ id: string }, null>;
}

const at = (id: string) => `/api/tasks/${encodeURIComponent(id)}`;

const createTask: TaskMutations["createTask"] = ({ title, project }, context) =>
  write("POST", "/api/tasks", project === null ? { title } : { title, project }, context);

const renameTask: TaskMutations["renameTask"] = ({ id, title, version, guard }, context) => {
  // After a conflict it is to replace what the other side has, which no lease of before speaks of.
  const theirs = context.theirs as Partial<Task> | undefined;
  const headers = guard !== null && theirs === undefined ? { ...context.headers, "everfresh-fence": guard } : context.headers;
  return write("PATCH", at(id), { title, version: theirs?.version ?? version }, { ...context, headers });
};

const setTaskStatus: TaskMutations["setTaskStatus"] = ({ id, status }, context) => write("PATCH", at(id), { status }, context);

const removeTask: TaskMutations["removeTask"] = async ({ id }, context) => {
  try {
    return await write<null>("DELETE", at(id), undefined, context);
  } catch (error) {
    // Somebody else was faster: it is gone, as was wished.
    if (error instanceof HttpError && error.status === 404) return null;
    throw error;
  }
};

/** A change of a task is shown in every list that has the task. */
const inAllLists = <Vars extends { id: string }, Result>(
  update: (tasks: ShownTask[], vars: Vars) => ShownTask[],
  commit: (tasks: ShownTask[], result: Result, vars: Vars) => ShownTask[],
) => [LIST, OF_PROJECTS].map((key) => ({ key, update, commit }));

/** Changes to one task are done in their order; those to different tasks do not wait for each other. */
const lane = ({ id }: { id: string }) => `task ${id}`;

const addTo = {
  update: (tasks: ShownTask[], { ref, title, project, after }: NewTask) =>
    // An event may have brought it before the answer did.
    tasks.some((task) => Number(task.id) > after && task.title === title && task.project === project)
      ? tasks
      : [...tasks, provisional(ref, title, project)],
  commit: (tasks: ShownTask[], task: Task) => (tasks.some(({ id }) => id === task.id) ? replaced(tasks, task) : [...tasks, task]),
};

export const taskMutations = {
  createTask: mutation({
    run: createTask,
    lane: ({ ref }) => `new ${ref}`,
    optimistic: [
      { key: LIST, ...addTo },
      // Without a project it is in no other list.
      { key: ({ project }) => [...OF_PROJECTS, project ?? ""], ...addTo },
    ],
  }),
  renameTask: mutation({
    run: renameTask,
    lane,
    // Two who changed different fields are both right; two who changed the title are asked.
    conflict: "merge",
    base: (vars) => ({ ...vars, title: vars.was }),
    optimistic: inAllLists((tasks, { id, title }: Rename) => changed(tasks, id, { title }), replaced),
  }),
  setTaskStatus: mutation({
    run: setTaskStatus,
    lane,
    optimistic: inAllLists((tasks, { id, status }: StatusChange) => changed(tasks, id, { status }), replaced),
  }),
  removeTask: mutation({
    run: removeTask,
    lane,
    optimistic: inAllLists(
      (tasks, { id }: { id: string }) => changed(tasks, id, { pending: "gone" }),
      (tasks, _answer: null, { id }) => tasks.filter((task) => task.id !== id),
    ),
  }),
};

function provisional(ref: string, title: string, project: string | null): ShownTask {
  return { id: `new:${ref}`, project, title, status: "todo", version: 0, created_at: 0, updated_at: 0, pending: "new" };
}

function changed(tasks: ShownTask[], id: string, change: Partial<ShownTask>): ShownTask[] {
  return tasks.map((task) => (task.id === id ? { ...task, ...change } : task));
}

/** The list with the server's answer in it, unless it has the task in a newer version, or not at all. */
function replaced(tasks: ShownTask[], task: Task): ShownTask[] {
  return tasks.map((other) => (other.id === task.id && other.version < task.version ? task : other));
}
