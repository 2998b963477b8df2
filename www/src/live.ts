import { QueryClient } from "@tanstack/react-query";
import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import { CONTRACTS, FAMILIES_OF_TASKS } from "./contracts";
import type { ContractName } from "./contracts";
import { device, liveUrl, passOf } from "./device";
import { forgetAnswers } from "./net/http";
import { loggedIn, remember, seat, useSession } from "./people/people";
import type { DemoPerson } from "./people/people";
import type { TimeblockUpdated } from "./scenes/calendar/api";
import { BLOCK_MOVED } from "./scenes/calendar/events";
import { calendarMutations } from "./scenes/calendar/mutations";
import type { CalendarMutations } from "./scenes/calendar/mutations";
import { contractMutations } from "./scenes/contracts/mutations";
import type { ContractMutations } from "./scenes/contracts/mutations";
import type { Task } from "./scenes/tasks/api";
import { taskMutations } from "./scenes/tasks/mutations";
import type { TaskMutations } from "./scenes/tasks/mutations";
import { noteViolation } from "./instruments/violations";

declare module "everfresh" {
  interface Register {
    events: {
      task_created: Task;
      task_updated: Task;
      task_deleted: { id: string };
      timeblock_updated: TimeblockUpdated;
    };
    mutations: TaskMutations & CalendarMutations & ContractMutations;
    contracts: ContractName;
  }
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 30_000, retry: 1 },
  },
});

export const live = createEverfresh({
  name: device !== undefined ? `device-${device}` : seat ? `seat-${seat.id}` : "demo",
  user: loggedIn().id,
  // The demo's server believes whoever says a name. A real app asks its own server for a token here.
  getToken: () => passOf(useSession.getState().person.id),
  backend: { kind: "everfresh", url: liveUrl },
  // Channels come and go with what is shown. One of a project that was left is let go at once, so that it can be seen.
  channelIdle: 0,
  rooms: true,
  // `/?record` makes a recording of the run, which `cargo xtask simulate --replay` reads.
  record: new URLSearchParams(location.search).has("record"),
  events: {
    task_created: FAMILIES_OF_TASKS,
    task_updated: FAMILIES_OF_TASKS,
    task_deleted: FAMILIES_OF_TASKS,
    timeblock_updated: BLOCK_MOVED,
  },
  contracts: CONTRACTS,
  mutations: { ...taskMutations, ...calendarMutations, ...contractMutations },
});

attach(live, queryClient);

live.onViolation(noteViolation);

live.onUser((change) => {
  // What the server answered to one person is not shown to another.
  forgetAnswers();
  useSession.setState({ fenced: change === "fenced" || change === "elsewhere" });
});

/** Somebody else logs in, in every tab of this browser. */
export function switchTo(person: DemoPerson): void {
  remember(person);
  useSession.setState({ person, fenced: false });
  live.setUser(person.id);
}
