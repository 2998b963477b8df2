import { useConnection } from "everfresh/react";
import type { WriteState } from "./useTaskWrites";

const WORDS: Record<WriteState, string> = {
  idle: "",
  moving: "Saving",
  queued: "Queued",
  saved: "Saved",
  failed: "Failed",
  conflict: "Conflict",
};

/** How the last change stands; at rest, what else is to be said there. */
export function WriteChip({ state, rest }: { state: WriteState; rest: string }) {
  const { status } = useConnection();
  const down = status !== "connected" && status !== "degraded";
  const words = state === "moving" && down ? WORDS.queued : WORDS[state];
  return (
    <>
      <span className="task-state" aria-hidden="true" data-covered={state !== "idle"}>
        {rest}
      </span>
      {state !== "idle" && (
        <span key={state} className="write-chip" data-testid="write-state" data-state={state}>
          {words}
        </span>
      )}
      <span role="status" className="visually-hidden">
        {words}
      </span>
    </>
  );
}
