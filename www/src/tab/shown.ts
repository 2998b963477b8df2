import { queryClient } from "../live";
import { comparable, comparableBlocks } from "../report";
import type { Block } from "../scenes/calendar/api";
import type { ShownTask } from "../scenes/tasks/api";
import type { Seen } from "./changes";

/** Only what somebody looks at is kept up to date, so only that can be compared. */
function days(): [span: string, blocks: Block[]][] {
  const queries = queryClient.getQueryCache().findAll({ queryKey: ["timeblocks", "range"], type: "active" });
  return queries.flatMap(({ queryKey: [, , from, to], state: { data } }) => (data === undefined ? [] : [[`${from}/${to}`, data as Block[]]]));
}

/** The lists of tasks, by their project; that of all has none. */
function lists(): [project: string, tasks: ShownTask[]][] {
  const queries = queryClient.getQueryCache().findAll({ queryKey: ["tasks"], type: "active" });
  return queries.flatMap(({ queryKey: [, , project], state: { data } }) =>
    data === undefined ? [] : [[typeof project === "string" ? project : "", data as ShownTask[]]],
  );
}

/** The tasks that are shown, and the days, each in a form in which it can be compared. */
export function shown(): { lists: Record<string, string> | null; days: Record<string, string> } {
  const all = lists();
  return {
    lists: all.length === 0 ? null : Object.fromEntries(all.map(([project, tasks]) => [project, comparable(tasks)])),
    days: Object.fromEntries(days().map(([span, blocks]) => [span, comparableBlocks(blocks)])),
  };
}

/** Every record that is shown, by a name that no other has. */
export function records(): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const { id, version, title, status } of lists().flatMap(([, tasks]) => tasks)) seen.set(`task ${id}`, { version, text: `${status} ${title}` });
  for (const [, blocks] of days()) for (const { id, version, start, end } of blocks) seen.set(`block ${id}`, { version, text: `${start} ${end}` });
  return seen;
}
