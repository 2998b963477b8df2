import type { ContractOptions } from "everfresh";
import { PAGE_CONTRACTS } from "./scenes/contracts/contracts";

/** What the demo promises of its data, and how it is to be looked after when nobody says that it changed. */
export const CONTRACTS = {
  tasks: { key: ["tasks"], maxAge: 30_000, poll: "auto", hidden: "pause", refetchOnFocusAfter: 30_000, reloadKey: "tasks" },
  calendar: { key: ["timeblocks"], maxAge: 60_000, poll: "auto", hidden: "pause", refetchOnFocusAfter: 60_000 },
  server: { key: ["server"], maxAge: 15_000, poll: 10_000, hidden: "pause" },
  health: { key: ["health"], maxAge: 60_000, manual: true },
  ...PAGE_CONTRACTS,
} satisfies Record<string, ContractOptions>;

export type ContractName = keyof typeof CONTRACTS;
