import type { ShownTask } from "../scenes/tasks/api";
import type { Sighting } from "../report";

type Change = Omit<Sighting, "at">;

/**
 * What happened between two states of the list. A change that the server has not numbered yet was made in this tab: it
 * is shown before it is sent. One with a new number came from the server.
 */
export function changesBetween(before: readonly ShownTask[] | undefined, after: readonly ShownTask[]): Change[] {
  if (before === undefined) return [];
  const known = new Map(before.map((task) => [task.id, task]));
  const changes: Change[] = [];
  for (const task of after) {
    const was = known.get(task.id);
    if (was === undefined || was === task) continue;
    if (task.version > was.version) changes.push({ kind: "painted", id: task.id, version: task.version });
    else if (was.status !== task.status || was.title !== task.title) {
      changes.push({ kind: "acted", id: task.id, version: was.version });
    }
  }
  return changes;
}
