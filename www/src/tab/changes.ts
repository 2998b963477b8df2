import type { Sighting } from "../report";

/** What a tab shows of a record: which version, and what of it. */
export interface Seen {
  readonly version: number;
  readonly text: string;
}

type Change = Omit<Sighting, "at">;

/**
 * What happened between two states of the screen. A change that the server has not numbered yet was made in this tab:
 * it is shown before it is sent. One with a new number came from the server.
 */
export function changesBetween(before: ReadonlyMap<string, Seen>, after: ReadonlyMap<string, Seen>): Change[] {
  const changes: Change[] = [];
  for (const [id, { version, text }] of after) {
    const was = before.get(id);
    if (was === undefined) continue;
    if (version > was.version) changes.push({ kind: "painted", id, version });
    else if (was.text !== text) changes.push({ kind: "acted", id, version: was.version });
  }
  return changes;
}
