import type { Everfresh } from "../types.js";
import type { FocusManagerLike, OnlineManagerLike } from "./client.js";

/**
 * Tells TanStack Query's managers what they do not hear by themselves. The one of focus: that a page is back which
 * was frozen or put away, of which browsers send no `visibilitychange`. The one of the network: that there is one
 * while the link stands, whatever the browser believes.
 */
export function drive(
  live: Everfresh<any, any, any>,
  { focusManager, onlineManager }: { focusManager?: FocusManagerLike; onlineManager?: OnlineManagerLike } = {},
): () => void {
  if (typeof document !== "object") return () => {};
  const until = new AbortController();
  const back = (event: Event) => {
    // One that is shown for the first time says `false`; one that was frozen says nothing of it.
    if ((event as PageTransitionEvent).persisted !== false && !document.hidden) focusManager?.onFocus();
  };
  /** What it was told last. Who says otherwise in between, as the devtools do to simulate, is left to it. */
  let told: boolean | undefined;
  const look = (again?: boolean) => {
    const online = (!until.signal.aborted && live.getSnapshot().status === "connected") || navigator.onLine !== false;
    if (again || online !== told) onlineManager?.setOnline((told = online));
  };
  addEventListener("pageshow", back, until);
  document.addEventListener("resume", back, until);
  // After the manager has heard of it too, and believes it.
  addEventListener("offline", () => setTimeout(look, 0, true), until);
  live.subscribe(look, until);
  look();
  return () => {
    until.abort();
    look(true);
  };
}
