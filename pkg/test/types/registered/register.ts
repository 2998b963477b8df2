// Events that an app declares once in `Register` hold for every call and every hook.
import { createEverfresh } from "everfresh";
import { useEvent, useEverfresh } from "everfresh/react";

declare module "everfresh" {
  interface Register {
    events: { task_updated: { id: string; title: string } };
  }
}

const live = createEverfresh({ user: null, backend: { kind: "everfresh", url: "/live" }, events: { task_updated: ["tasks"] } });
live.on("task_updated", (task) => task.title.trim());
// @ts-expect-error -- misspelled
useEvent("task_updatd", () => {});
useEvent("task_updated", (task) => task.title.trim());
// @ts-expect-error -- the payload has no such member
useEverfresh().on("task_updated", (task) => task.titel);
