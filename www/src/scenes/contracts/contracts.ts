import type { ContractOptions } from "everfresh";

const MINUTE = 60_000;

/**
 * How each page of the app is kept. The window is what its users were promised; how often is looked within it is
 * worked out from that. A name in `reloadKey` is under what the age of the data survives a reload.
 */
export const PAGE_CONTRACTS = {
  // A timer that runs on: it is looked at whether somebody sees the page or not.
  focus: { key: ["focus"], maxAge: 30_000, hidden: "continue", reloadKey: "focus" },
  planner: {
    key: ["planner"],
    maxAge: 30_000,
    hidden: "pause",
    refetchOnFocusAfter: 30_000,
    idleAfter: 2 * MINUTE,
    idlePoll: MINUTE,
    reloadKey: "planner",
  },
  dailyPlan: { key: ["daily-plan"], maxAge: 5 * MINUTE, manual: true, reloadKey: "daily-plan" },
  quests: { key: ["quests"], maxAge: MINUTE, hidden: "pause", refetchOnFocusAfter: MINUTE, reloadKey: "quests" },
  habits: { key: ["habits"], maxAge: MINUTE, hidden: "pause", refetchOnFocusAfter: MINUTE, reloadKey: "habits" },
  progress: { key: ["progress"], maxAge: MINUTE, hidden: "pause", refetchOnFocusAfter: MINUTE, reloadKey: "progress" },
  books: { key: ["books"], maxAge: 2 * MINUTE, hidden: "pause", refetchOnFocusAfter: 2 * MINUTE, reloadKey: "books" },
  admin: { key: ["admin"], maxAge: 5 * MINUTE, manual: true },
} satisfies Record<string, ContractOptions>;

export type PageName = keyof typeof PAGE_CONTRACTS;
