// Event names and payloads are checked by the compiler: what is marked must not compile.
import { createEverfresh } from "everfresh";
import { useEvent } from "everfresh/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_Type extends true>(): void => {};

interface Task {
  id: string;
  title: string;
}
interface AppEvents {
  task_updated: Task;
  task_deleted: { id: string };
}
const backend = { kind: "everfresh", url: "/live" } as const;

// Events as one type: names in routes and in listeners, and payloads in both.
const declared = createEverfresh<AppEvents>({
  user: null,
  backend,
  events: {
    task_updated: (task) => {
      is<Equal<typeof task, Task>>();
      return [["tasks", task.id]];
    },
    task_deleted: ["tasks", ["task-status-counts"]],
  },
});
declared.on("task_updated", (task, event) => {
  is<Equal<typeof task, Task>>();
  is<Equal<typeof event.name, "task_updated">>();
  is<Equal<typeof event.by, string | null>>();
});
// @ts-expect-error -- misspelled
declared.on("task_updatedd", () => {});
// @ts-expect-error -- the payload has no such member
declared.on("task_deleted", (data) => data.title);
createEverfresh<AppEvents>({
  user: null,
  backend,
  // @ts-expect-error -- misspelled
  events: { task_updtaed: ["tasks"] },
});
createEverfresh<AppEvents>({
  user: null,
  backend,
  // @ts-expect-error -- a family is a string or a key in brackets
  events: { task_updated: [5] },
});

// Events by their routes alone: payloads come from the functions, names from the object.
const inferred = createEverfresh({
  user: "u1",
  backend,
  events: {
    block_moved: (block: { day: string }) => [["blocks", block.day]],
    task_updated: ["tasks"],
  },
});
inferred.on("block_moved", (block) => is<Equal<typeof block, { day: string }>>());
inferred.on("task_updated", (data) => is<Equal<typeof data, unknown>>());
// @ts-expect-error -- not among the routes
inferred.on("task_created", () => {});

// No events declared at all: every name, and nothing known of the payload.
const open = createEverfresh({ user: null, backend });
open.on("anything", (data) => is<Equal<typeof data, unknown>>());
useEvent("anything", (data) => is<Equal<typeof data, unknown>>());
