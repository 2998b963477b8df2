// A store of the real Zustand, with middleware or without, fits what `bind` takes.
import { createEverfresh } from "everfresh";
import { bind } from "everfresh/zustand";
import { create } from "zustand";
import { devtools, subscribeWithSelector } from "zustand/middleware";
import { createStore } from "zustand/vanilla";

interface Tasks {
  online: boolean;
  tasks: Record<string, string>;
  clear(): void;
}
const live = createEverfresh<{ task_updated: { id: string; title: string } }>({ user: null, backend: { kind: "everfresh", url: "/live" } });
const initial = (): Tasks => ({ online: false, tasks: {}, clear() {} });
for (const store of [create<Tasks>()(initial), createStore<Tasks>()(initial), create<Tasks>()(devtools(subscribeWithSelector(initial)))]) {
  const unbind: () => void = bind(live, store, {
    events: { task_updated: (state, { id, title }) => ({ tasks: { ...state.tasks, [id]: title } }) },
    connection: (_, { status }) => ({ online: status === "connected" }),
    load: [{ key: "tasks", run: async ({ signal }) => ({ tasks: signal.aborted ? {} : { a: "b" } }) }],
  });
  // @ts-expect-error -- no such event
  bind(live, store, { events: { task_updatd: () => ({}) } });
  // @ts-expect-error -- the state has no such member
  bind(live, store, { connection: () => ({ onlin: true }) });
}
