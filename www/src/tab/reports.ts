import { device } from "../device";
import { live, queryClient } from "../live";
import { trafficOf, useTraffic } from "../net/traffic";
import { useSession } from "../people/people";
import type { Report, Sighting } from "../report";
import { changesBetween } from "./changes";
import type { Seen } from "./changes";
import { records, shown } from "./shown";

/** No two reports are closer than this, in milliseconds. */
const PAUSE = 200;

/** Tells the page around this one, and no other, how this tab stands, and what it paints when. */
export function reportAll(): void {
  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      tell(report());
    }, PAUSE);
  };
  live.subscribe(soon);
  useTraffic.subscribe(soon);
  useSession.subscribe(soon);
  let before = records();
  queryClient.getQueryCache().subscribe(({ type }) => {
    // Others tell of who looks at a query, which changes nothing on the screen.
    if (type !== "updated" && type !== "removed") return;
    const after = records();
    sight(before, after);
    before = after;
    soon();
  });
  soon();
}

function sight(before: ReadonlyMap<string, Seen>, after: ReadonlyMap<string, Seen>): void {
  const at = now();
  for (const change of changesBetween(before, after)) {
    if (change.kind === "acted") tell({ ...change, at });
    // Painted it is once a frame has been drawn with it, which is before the second one begins.
    else requestAnimationFrame(() => requestAnimationFrame(() => tell({ ...change, at: now() })));
  }
}

/** Of the clock that nobody sets. */
const now = () => performance.timeOrigin + performance.now();

function tell(what: Report | Sighting): void {
  window.parent.postMessage(what, location.origin);
}

function report(): Report {
  const { tab, role, tabs, status, transport, queue, counters, metrics, freshness } = live.getSnapshot();
  const { person, fenced } = useSession.getState();
  const { lists, days } = shown();
  return {
    kind: "report",
    device: device ?? "",
    tab,
    user: person.id,
    fenced,
    role,
    tabs,
    status,
    transport,
    shown: lists,
    days,
    queue: { count: queue.count, dead: queue.dead, conflicts: queue.conflicts },
    counters,
    metrics,
    traffic: trafficOf("/api/tasks"),
    violations: freshness.reduce((sum, contract) => sum + contract.violations, 0),
  };
}
