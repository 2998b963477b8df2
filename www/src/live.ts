import { QueryClient } from "@tanstack/react-query";
import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import type { Task } from "./scenes/tasks/api";

declare module "everfresh" {
  interface Register {
    events: {
      task_created: Task;
      task_updated: Task;
      task_deleted: { id: string };
    };
  }
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 30_000, retry: 1 },
  },
});

export const live = createEverfresh({
  user: null,
  backend: { kind: "everfresh", url: "/live" },
  channels: ["tasks"],
  // `/?record` makes a recording of the run, which `cargo xtask simulate --replay` reads.
  record: new URLSearchParams(location.search).has("record"),
  events: {
    task_created: ["tasks"],
    task_updated: ["tasks"],
    task_deleted: ["tasks"],
  },
});

attach(live, queryClient);
