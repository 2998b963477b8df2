/** Start and end of a time, by their paths in what an event says. */
type Times = readonly [start: string, end: string];

/** Of all days only those that show one of these times. */
export const rangeOf = (...times: Times[]) => [["timeblocks", "range", { $range: times }]];

/** What a move makes stale: the day that the block came to, and the one that it left. */
export const BLOCK_MOVED = rangeOf(
  ["$.timeblock.start_time", "$.timeblock.end_time"],
  ["$.timeblock.old_start_time", "$.timeblock.old_end_time"],
);
