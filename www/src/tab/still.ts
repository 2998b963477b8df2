import { create } from "zustand";
import { seatOnStage } from "../device";
import { tell } from "./around";

/** Until when this page stands still; `null` while it does not. */
export const useStill = create<{ readonly until: number | null }>(() => ({ until: null }));

/** So long the page has to paint that it stands still. A page that nobody sees paints nothing. */
const PAINTED_MS = 200;

/** Long enough for a message to arrive. */
const PROBE_MS = 100;

/**
 * This page does nothing for a while: no timer, no message, no answer. It waits for an answer of the server and lets
 * nothing else happen meanwhile, as pages could since before there were promises, and as a page is that the browser
 * freezes. It has a process of its own (`/apart`); else the pages that share it would stand still too.
 */
export async function standStill(ms: number): Promise<void> {
  if (seatOnStage === undefined) return;
  useStill.setState({ until: Date.now() + ms });
  await new Promise((resolve) => setTimeout(resolve, PAINTED_MS));
  const waits = waitsInEarnest();
  tell({ kind: "still", for: ms });
  const until = performance.now() + ms;
  while (performance.now() < until) if (waits) wait(until - performance.now());
  useStill.setState({ until: null });
}

/**
 * Whether a synchronous request lets nothing else happen. In Firefox it holds back timers and workers, but not what
 * other tabs say: there the page has to be kept busy instead.
 */
function waitsInEarnest(): boolean {
  const name = `everfresh-demo:probe:${crypto.randomUUID()}`;
  const [one, other] = [new BroadcastChannel(name), new BroadcastChannel(name)];
  let heard = false;
  other.onmessage = () => {
    heard = true;
  };
  one.postMessage(null);
  wait(PROBE_MS);
  one.close();
  other.close();
  return !heard;
}

function wait(ms: number): void {
  const request = new XMLHttpRequest();
  request.open("POST", "/demo/wait", false);
  request.setRequestHeader("content-type", "application/json");
  try {
    request.send(JSON.stringify({ for_ms: Math.ceil(ms) }));
  } catch {
    // A server that dies does not end it: it is asked again.
  }
}
