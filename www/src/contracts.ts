import type { ContractOptions } from "everfresh";
import { PAGE_CONTRACTS } from "./scenes/contracts/contracts";

/** What a change of a task makes stale. */
export const FAMILIES_OF_TASKS = ["tasks", "task-status-counts", "projects", "activity", "members"];

const MINUTE = 60_000;

/** What the demo promises of its data, and how it is to be looked after when nobody says that it changed. */
export const CONTRACTS = {
  tasks: { key: ["tasks"], maxAge: 30_000, poll: "auto", hidden: "pause", refetchOnFocusAfter: 30_000, reloadKey: "tasks" },
  // What is worked out from the tasks. How often each is looked at follows the health of the link: 30 s, 15 s, 10 s, 5 s.
  counts: { key: ["task-status-counts"], maxAge: MINUTE, poll: "auto", hidden: "pause", refetchOnFocusAfter: MINUTE },
  projects: { key: ["projects"], maxAge: 2 * MINUTE, poll: "auto", hidden: "pause", refetchOnFocusAfter: MINUTE },
  activity: { key: ["activity"], maxAge: MINUTE, poll: "auto", hidden: "pause", refetchOnFocusAfter: MINUTE },
  members: { key: ["members"], maxAge: 2 * MINUTE, poll: "auto", hidden: "pause", refetchOnFocusAfter: MINUTE },
  calendar: { key: ["timeblocks"], maxAge: 60_000, poll: "auto", hidden: "pause", refetchOnFocusAfter: 60_000 },
  server: { key: ["server"], maxAge: 15_000, poll: 10_000, hidden: "pause" },
  health: { key: ["health"], maxAge: 60_000, manual: true },
  ...PAGE_CONTRACTS,
} satisfies Record<string, ContractOptions>;

export type ContractName = keyof typeof CONTRACTS;
