import { QueryClient } from "@tanstack/react-query";
import { createEverfresh } from "everfresh";
import type { Everfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import { useEffect, useState } from "react";
import { loggedIn, seat } from "../people/people";
import { BLOCK_MOVED, rangeOf } from "../scenes/calendar/events";
import { calendarMutations } from "../scenes/calendar/mutations";
import type { CalendarMutations } from "../scenes/calendar/mutations";
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
  const user = loggedIn().id;
  const { token } = way;
  return createEverfresh<Record<string, unknown>, TaskMutations & CalendarMutations, "tasks" | "calendar">({
    // A tab that stands for another browser has a connection of its own.
    name: seat ? `way-${way.id}-${seat.id}` : `way-${way.id}`,
    user,
    backend: way.backend(beside, user),
    rooms: way.here.room !== undefined,
    ...(way.layers && { layers: way.layers(beside) }),
    ...(way.channels && { channels: way.channels }),
    ...(token && { getToken: () => token(user) }),
    events: {
      task_created: BY_VERSION,
      task_updated: BY_VERSION,
      task_deleted: FAMILIES,
      "postgres:INSERT:public.tasks": { ...BY_ROW, as: "task_created" },
      "postgres:UPDATE:public.tasks": { ...BY_ROW, as: "task_updated" },
      "postgres:DELETE:public.tasks": FAMILIES,
      timeblock_updated: { keys: BLOCK_MOVED, entity: "$.timeblock.id", version: "$.timeblock.version" },
      "postgres:UPDATE:public.timeblocks": {
        keys: rangeOf(["$.record.start_time", "$.record.end_time"], ["$.old_record.start_time", "$.old_record.end_time"]),
        entity: "$.record.id",
        version: "$.record.version",
        as: "timeblock_updated",
      },
    },
    contracts: {
      tasks: { key: "tasks", maxAge: 60_000, poll: "auto" },
      calendar: { key: ["timeblocks"], maxAge: 60_000, poll: "auto" },
    },
    mutations: { ...taskMutations, ...calendarMutations },
    // Of what the app declares this page uses a part.
  }) as unknown as Everfresh;
}

/** The instance for a way: another one when the way changes, and none while the servers are not known. */
export function useWay(way: Way, beside: Beside | undefined): Everfresh | undefined {
  const [opened, setOpened] = useState<{ readonly way: Way; readonly live: Everfresh }>();
  useEffect(() => {
    if (beside === undefined) return;
    const live = open(way, beside);
    const detach = attach(live, queryClient);
    setOpened({ way, live });
    return () => {
      detach();
      live.close();
      setOpened(undefined);
    };
  }, [way, beside]);
  // The one before has no room, or another one.
  return opened?.way === way ? opened.live : undefined;
}
