import { mutation } from "everfresh";
import type { Mutation } from "everfresh";
import { write } from "../../net/http";
import type { Task, TaskStatus } from "../tasks/api";

export interface Step {
  /** The page on which it is taken, and so the family that shows it. */
  readonly page: "quests" | "habits";
  readonly task: string;
  readonly to: TaskStatus;
}

export interface ContractMutations {
  startFocus: Mutation<{ readonly minutes: number }, Task>;
  stopFocus: Mutation<{ readonly session: string }, Task>;
  takeStep: Mutation<Step, Task>;
  addBook: Mutation<{ readonly book: string }, Task>;
}

const startFocus: ContractMutations["startFocus"] = ({ minutes }, context) =>
  write("POST", "/api/tasks", { title: `Focus for ${minutes} minutes`, project: "focus", status: "doing" }, context);

const stopFocus: ContractMutations["stopFocus"] = ({ session }, context) =>
  write("PATCH", `/api/tasks/${encodeURIComponent(session)}`, { status: "done" }, context);

const takeStep: ContractMutations["takeStep"] = ({ task, to }, context) => write("PATCH", `/api/tasks/${encodeURIComponent(task)}`, { status: to }, context);

const addBook: ContractMutations["addBook"] = ({ book }, context) => write("POST", "/api/tasks", { title: book, project: "books" }, context);

/** Each makes stale what shows it: once it is done, that is asked for once, whatever events tell of it. */
export const contractMutations = {
  startFocus: mutation({ run: startFocus, lane: "focus", invalidates: [["focus"], ["progress"]] }),
  stopFocus: mutation({
    run: stopFocus,
    lane: "focus",
    optimistic: { key: ["focus"], update: (tasks: Task[], { session }) => tasks.map((task) => (task.id === session ? { ...task, status: "done" } : task)) },
    invalidates: [["progress"]],
  }),
  takeStep: mutation({
    run: takeStep,
    lane: ({ task }) => `task ${task}`,
    optimistic: {
      key: ({ page }) => [page],
      update: (tasks: Task[], { task, to }) => tasks.map((one) => (one.id === task ? { ...one, status: to } : one)),
    },
    invalidates: [["progress"]],
  }),
  addBook: mutation({ run: addBook, lane: "books", invalidates: [["books"], ["progress"]] }),
};
