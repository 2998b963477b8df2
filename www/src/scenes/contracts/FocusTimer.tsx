import { useLiveMutation } from "everfresh/react";
import { useNow } from "../../ui/clock";
import type { Task } from "../tasks/api";
import { useTasksPage } from "./pages";
import { usePauses } from "./useFocusClock";

const MINUTES = 25;

/** A session that the server knows of, so that every device shows it; its pauses are this browser's. */
export function FocusTimer() {
  const { data } = useTasksPage("focus");
  const running = data?.findLast(({ status }) => status === "doing");
  const start = useLiveMutation("startFocus");
  if (running === undefined) {
    return (
      <div className="page-body">
        <p className="focus-clock number" data-testid="focus-clock">
          {MINUTES}:00
        </p>
        <button
          type="button"
          className="button button-small button-primary"
          data-testid="focus-start"
          disabled={data === undefined || start.state === "moving"}
          onClick={() => start.mutate({ minutes: MINUTES })}
        >
          Start
        </button>
      </div>
    );
  }
  return <Running session={running} />;
}

function Running({ session }: { session: Task }) {
  const { paused, restedMs, toggle } = usePauses(session.id);
  const stop = useLiveMutation("stopFocus");
  const now = useNow(!paused);
  const left = Math.max(0, MINUTES * 60 - Math.floor((now - session.created_at - restedMs(now)) / 1000));
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  return (
    <div className="page-body">
      <p className="focus-clock number" data-testid="focus-clock" data-session={session.id} data-paused={paused}>
        {clock}
      </p>
      <span className="page-choices">
        <button type="button" className="button button-small" data-testid="focus-pause" aria-pressed={paused} onClick={toggle}>
          {paused ? "Go on" : "Pause"}
        </button>
        <button type="button" className="button button-small" data-testid="focus-stop" onClick={() => stop.mutate({ session: session.id })}>
          Stop
        </button>
      </span>
    </div>
  );
}
