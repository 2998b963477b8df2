import { useQuery } from "@tanstack/react-query";
import { read } from "../../net/http";
import type { Block } from "../calendar/api";
import { DAY, dayOf, mondayOf } from "../calendar/time";
import type { Task } from "../tasks/api";
import type { PageName } from "./contracts";

const today = dayOf(Date.now());
const monday = mondayOf(today);

const tasksOf = (project: string) => `/api/tasks?project=${project}`;
const blocksOf = (from: number, days: number) => `/api/blocks?from=${from}&to=${from + days * DAY}`;

/** Where the data of each page is. Each of these answers has a tag, so that looking again mostly costs a line. */
export const ADDRESSES: Record<PageName, string> = {
  focus: tasksOf("focus"),
  planner: blocksOf(monday, 7),
  dailyPlan: blocksOf(today, 1),
  quests: tasksOf("website"),
  habits: tasksOf("warehouse"),
  progress: "/api/tasks",
  books: tasksOf("books"),
  admin: "/demo/stats",
};

const KEYS: Record<PageName, string> = {
  focus: "focus",
  planner: "planner",
  dailyPlan: "daily-plan",
  quests: "quests",
  habits: "habits",
  progress: "progress",
  books: "books",
  admin: "admin",
};

/** The key of a page's query. It is the family of its contract. */
export const keyOf = (page: PageName) => [KEYS[page]];

function usePage<Data>(page: PageName, staleTime: number) {
  return useQuery({ queryKey: keyOf(page), queryFn: ({ signal }) => read<Data>(ADDRESSES[page], signal), staleTime });
}

export const useTasksPage = (page: "focus" | "quests" | "habits" | "progress" | "books") => usePage<Task[]>(page, 30_000);
export const useBlocksPage = (page: "planner" | "dailyPlan") => usePage<Block[]>(page, page === "planner" ? 30_000 : Infinity);
export const useAdminPage = () => usePage<{ sockets_open: number; events_total: number }>("admin", Infinity);
