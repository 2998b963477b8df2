import { device, seatOnStage } from "../device";
import { live, queryClient } from "../live";
import { trafficOf, useTraffic } from "../net/traffic";
import { useSession } from "../people/people";
import type { Report } from "../report";
import { tell } from "./around";
import { changesBetween } from "./changes";
import type { Seen } from "./changes";
import { records, shown } from "./shown";
import { useStill } from "./still";

/** No two reports are closer than this, in milliseconds. */
const PAUSE = 200;

/** Tells the stage how this tab stands, and what it paints when. */
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
  // Once it is over.
  useStill.subscribe(soon);
  let before = records();
  queryClient.getQueryCache().subscribe(({ type }) => {
    // Others tell of who looks at a query, which changes nothing on the screen.
    if (type !== "updated" && type !== "removed") return;
    const after = records();
    sight(before, after);
    before = after;
    soon();
  });
  if (seatOnStage !== undefined) addEventListener("pagehide", () => tell({ kind: "gone" }));
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
