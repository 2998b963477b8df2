import type { Everfresh, LogPart } from "./types.js";

/** Where the diagnostics of a page are switched on for good, in its localStorage: parts, or `all`. */
const SWITCH = "everfresh:debug";

const page = globalThis as { __everfresh?: Record<string, unknown> };

/**
 * Lets whoever looks at a page switch its diagnostics on, without a change of the app: by
 * `localStorage["everfresh:debug"] = "link,queue"` before it is loaded, or at any time by
 * `dispatchEvent(new CustomEvent("everfresh:debug", { detail: "all" }))`. From then on the instance is at
 * `window.__everfresh[name]` and tells the console what it decides.
 */
export function watchDebug(live: Everfresh<any>): () => void {
  const on = (parts: unknown) => {
    if (typeof parts !== "string") return;
    (page.__everfresh ??= {})[live.name] = live;
    live.log(parts.split(",").filter(Boolean) as LogPart[]);
  };
  const switched = (event: Event) => on((event as CustomEvent).detail);
  addEventListener(SWITCH, switched);
  try {
    // Now is too early: the instance is being made.
    const parts = localStorage.getItem(SWITCH);
    if (parts !== null) queueMicrotask(() => on(parts));
  } catch {
    // A page that may not use the storage has no such switch.
  }
  return () => {
    removeEventListener(SWITCH, switched);
    if (page.__everfresh?.[live.name] === live) delete page.__everfresh[live.name];
  };
}
