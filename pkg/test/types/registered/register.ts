// Events, mutations and contracts that an app declares once in `Register` hold for every call and every hook.
import { createEverfresh } from "everfresh";
import type { Mutation } from "everfresh";
import { useContract, useEvent, useEverfresh, useLiveMutation } from "everfresh/react";

declare module "everfresh" {
  interface Register {
    events: { task_updated: { id: string; title: string } };
    mutations: { rename: Mutation<{ id: string; title: string }, { version: number }> };
    contracts: "tasks";
  }
}

const live = createEverfresh({
  user: null,
  backend: { kind: "everfresh", url: "/live" },
  events: { task_updated: ["tasks"] },
  mutations: { rename: { run: async (task, { signal }) => ({ version: signal.aborted ? 0 : task.title.length }) } },
  contracts: { tasks: { key: "tasks", maxAge: 60_000 } },
});
live.mutate("rename", { id: "1", title: "a" }).then(({ version }) => version.toFixed());
// @ts-expect-error -- misspelled
live.mutate("renam", { id: "1", title: "a" });
// @ts-expect-error -- misspelled
live.contracts.watch("task");
live.on("task_updated", (task) => task.title.trim());
// @ts-expect-error -- misspelled
useEvent("task_updatd", () => {});
useEvent("task_updated", (task) => task.title.trim());
// @ts-expect-error -- the payload has no such member
useEverfresh().on("task_updated", (task) => task.titel);
const rename = useLiveMutation("rename");
rename.mutate({ id: "1", title: "a" }).then(({ version }) => version.toFixed());
rename.result?.version.toFixed();
rename.vars?.title.trim();
// @ts-expect-error -- without variables there is nothing to rename
rename.mutate();
// @ts-expect-error -- misspelled
useLiveMutation("renam");
useContract("tasks").refresh();
// @ts-expect-error -- misspelled
useContract("task");
