import { QueryClient } from "@tanstack/react-query";
import { createEverfresh } from "everfresh";
import type { Everfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import { useEffect, useState } from "react";
import { passOf } from "../device";
import { loggedIn } from "../people/people";
import { taskMutations } from "../scenes/tasks/mutations";
import type { TaskMutations } from "../scenes/tasks/mutations";
import type { Beside, Way } from "./ways";

/** It stays while the backend changes: what is on the screen is what was fetched. */
export const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: 30_000, retry: 1 } } });

const FAMILIES = ["tasks"];
/** By what two layers know that they tell of one change. */
const BY_VERSION = { keys: FAMILIES, entity: "$.id", version: "$.version" };
const BY_ROW = { keys: FAMILIES, entity: "$.record.id", version: "$.record.version" };

function open(way: Way, beside: Beside): Everfresh {
  const native = way.id === "native";
  return createEverfresh<Record<string, unknown>, TaskMutations, "tasks">({
    name: `way-${way.id}`,
    user: loggedIn().id,
    backend: way.backend(beside),
    ...(way.layers && { layers: way.layers(beside) }),
    ...(way.channels && { channels: way.channels }),
    ...(native && { getToken: () => passOf(loggedIn().id) }),
    events: {
      task_created: BY_VERSION,
      task_updated: BY_VERSION,
      task_deleted: FAMILIES,
      "postgres:INSERT:public.tasks": { ...BY_ROW, as: "task_created" },
      "postgres:UPDATE:public.tasks": { ...BY_ROW, as: "task_updated" },
      "postgres:DELETE:public.tasks": FAMILIES,
    },
    contracts: { tasks: { key: "tasks", maxAge: 60_000, poll: "auto" } },
    mutations: taskMutations,
    // Of what the app declares this page uses a part.
  }) as unknown as Everfresh;
}

/** The instance for a way: another one when the way changes, and none while the servers are not known. */
export function useWay(way: Way, beside: Beside | undefined): Everfresh | undefined {
  const [live, setLive] = useState<Everfresh>();
  useEffect(() => {
    if (beside === undefined) return;
    const opened = open(way, beside);
    const detach = attach(opened, queryClient);
    setLive(opened);
    return () => {
      detach();
      opened.close();
      setLive(undefined);
    };
  }, [way, beside]);
  return live;
}
