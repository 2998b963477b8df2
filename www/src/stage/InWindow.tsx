import { useEffect, useState } from "react";
import { NewTab } from "../ui/icons";
import { deviceOf, useStage } from "./devices";
import type { StageTab } from "./devices";

/** So long a leader may be silent before it is asked whether it is there. */
const SILENCE_MS = 10_000;

/** Stands in for a tab that is in a window of its own: what of it can be told from here. */
export function InWindow({ device, tab, owner }: { device: string; tab: StageTab; owner: string }) {
  const { still } = tab;
  const now = useFineNow(still !== null);
  // Renders with what the other tabs tell.
  useStage((stage) => stage.devices);
  const others = (deviceOf(device)?.tabs ?? []).filter(({ key }) => key !== tab.key);
  const other = others.find(({ report }) => report?.role === "leader");
  return (
    <div className="in-window" data-testid="in-window" data-still={still !== null} data-taken={other !== undefined}>
      <NewTab />
      {still === null ? (
        <p>This tab of {owner} is in a window of its own, so that it can stand still while the others go on.</p>
      ) : (
        <>
          <p className="in-window-left number">
            Stands still for {Math.max(0, Math.ceil((still.to - now) / 1000))} s more
          </p>
          <p>{whatOthersDo(tab, now - still.from, others.length, other !== undefined)}</p>
        </>
      )}
    </div>
  );
}

function whatOthersDo(tab: StageTab, silent: number, others: number, taken: boolean): string {
  if (tab.report?.role !== "leader") return "Another tab holds the connection. This one makes up for what it misses when it goes on.";
  if (others === 0) return "There is no other tab that could take the connection over.";
  if (taken) return "Another tab has taken the connection over. What this one may say when it goes on is void, and it follows.";
  return silent < SILENCE_MS
    ? "It holds the connection. It may be silent for ten seconds before the other tabs wonder."
    : "It holds the connection. The other tabs ask whether it is there: after three questions without an answer they take it over.";
}

/** The clock that only runs on, read often enough for seconds that are counted down. */
function useFineNow(running: boolean): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!running) return;
    setNow(performance.now());
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
