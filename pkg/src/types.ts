// All that an app may name, by subject. Stars, because only then can an app add to `Register` under
// the name "everfresh".
export type * from "./types/cache.js";
export type * from "./types/events.js";
export type * from "./types/live.js";
export type * from "./types/mutations.js";
export type * from "./types/options.js";
export type * from "./types/snapshot.js";
