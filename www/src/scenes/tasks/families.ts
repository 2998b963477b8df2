import { useQuery } from "@tanstack/react-query";
import { read } from "../../net/http";
import type { Block } from "../calendar/api";
import { DAY, iso, mondayOf } from "../calendar/time";
import { about } from "./api";
import type { TaskStatus } from "./api";

/** How many tasks of a project are how far. */
export interface Tally {
  readonly project: string | null;
  readonly todo: number;
  readonly doing: number;
  readonly done: number;
}

/** Something that was done to a field of a task. */
export interface Doing {
  readonly task: string;
  readonly title: string;
  readonly version: number;
  readonly field: "title" | "status" | (string & {});
  readonly from: string | null;
  readonly to: string | null;
  readonly at: number;
  readonly user: string | null;
}

/** Somebody, and how much they changed. */
export interface Member {
  readonly user: string;
  readonly changes: number;
  readonly last: number;
}

export const STATUS_WORDS: Record<TaskStatus, string> = { todo: "to do", doing: "doing", done: "done" };

/**
 * What is shown beside the tasks: families of their own, each with a contract. Whatever the server works out from the
 * tasks is made stale by whatever happens to one.
 */
function useAbout<Data>(family: string, what: string, project: string | null) {
  return useQuery({ queryKey: [family, project], queryFn: ({ signal }) => read<Data>(about(what, project), signal) });
}

export const useProjects = () => useAbout<Tally[]>("projects", "projects", null);
export const useCounts = (project: string | null) => useAbout<Tally>("task-status-counts", "counts", project);
export const useActivity = (project: string | null) => useAbout<Doing[]>("activity", "activity", project);
export const useMembers = (project: string | null) => useAbout<Member[]>("members", "members", project);

/** The blocks of this week: the key says which time they show, so that a move makes them stale if it is theirs. */
export function useThisWeek() {
  const from = mondayOf(Date.now());
  const to = from + 7 * DAY;
  return useQuery({
    queryKey: ["timeblocks", "range", iso(from), iso(to)],
    queryFn: ({ signal }) => read<Block[]>(`/api/blocks?from=${from}&to=${to}`, signal),
  });
}
