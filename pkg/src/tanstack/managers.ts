import type { Everfresh } from "../types.js";
import type { FocusManagerLike, OnlineManagerLike } from "./client.js";

/**
 * Tells TanStack Query's managers what they do not hear by themselves. The one of focus: that a page is back which
 * was frozen or put away, of which browsers send no `visibilitychange`. The one of the network: that there is one
 * while the link stands, whatever the browser believes.
 */
export function drive(
  live: Everfresh<any, any, any>,
  { focusManager, onlineManager }: { focusManager?: FocusManagerLike; onlineManager?: OnlineManagerLike },
): () => void {
  if (typeof document !== "object") return () => {};
  const back = (event: Event) => {
    if ((event.type === "resume" || (event as PageTransitionEvent).persisted) && !document.hidden) focusManager?.onFocus();
  };
  const look = () => {
    const online = live.getSnapshot().status === "connected" || navigator.onLine !== false;
    if (onlineManager && online !== onlineManager.isOnline()) onlineManager.setOnline(online);
  };
  addEventListener("pageshow", back);
  document.addEventListener("resume", back);
  addEventListener("offline", look);
  const stop = live.subscribe(look);
  look();
  return () => {
    removeEventListener("pageshow", back);
    document.removeEventListener("resume", back);
    removeEventListener("offline", look);
    stop();
    onlineManager?.setOnline(navigator.onLine !== false);
  };
}
