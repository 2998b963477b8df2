import { useQueue } from "everfresh/react";
import { ConnectionIndicator } from "../instruments/ConnectionIndicator";
import { Counters } from "../instruments/Counters";
import { EventLog } from "../instruments/EventLog";
import { FreshnessPanel } from "../instruments/FreshnessPanel";
import { LogSwitch } from "../instruments/LogSwitch";
import { MetricsPanel } from "../instruments/MetricsPanel";
import { QueuePanel } from "../instruments/QueuePanel";
import { ThisTab } from "../instruments/ThisTab";
import { Fenced } from "../people/Fenced";
import { PersonMenu } from "../people/PersonMenu";
import { useSession } from "../people/people";
import { CalendarScene } from "../scenes/calendar/CalendarScene";
import { TasksScene } from "../scenes/tasks/TasksScene";
import "../App.css";
import { useView } from "./view";
import type { View } from "./view";
import "./StageTab.css";

const VIEWS = [
  { id: "tasks", name: "Tasks" },
  { id: "calendar", name: "Calendar" },
  { id: "freshness", name: "Freshness" },
  { id: "queue", name: "Queue" },
  { id: "measured", name: "Measured" },
] as const satisfies readonly { id: View; name: string }[];

/** The page as one of the tabs on the stage: what stands side by side on a page of its own stands behind a switch. */
export function StageTab() {
  const fenced = useSession((session) => session.fenced);
  const { view } = useView();
  const { count } = useQueue();
  return (
    <>
      <header className="tab-header">
        <ConnectionIndicator />
        <PersonMenu />
      </header>
      {fenced ? (
        <Fenced />
      ) : (
        <>
          <nav className="views" aria-label="What this tab shows">
            {VIEWS.map(({ id, name }) => (
              <button
                key={id}
                type="button"
                className="view"
                aria-current={view === id ? "page" : undefined}
                data-testid={`view-${id}`}
                onClick={() => useView.setState({ view: id })}
              >
                {name}
                {id === "queue" && count > 0 && <span className="view-count number">{count}</span>}
              </button>
            ))}
          </nav>
          <main className="tab-view" id="scene" tabIndex={-1}>
            {/* It stays while another view is shown: the stage compares what the tabs have. */}
            <div hidden={view !== "tasks"}>
              <TasksScene />
            </div>
            <Behind view={view} />
          </main>
        </>
      )}
    </>
  );
}

function Behind({ view }: { view: View }) {
  switch (view) {
    case "tasks":
      return null;
    case "calendar":
      return <CalendarScene />;
    case "freshness":
      return <FreshnessPanel />;
    case "queue":
      return <QueuePanel />;
    case "measured":
      return (
        <>
          <MetricsPanel />
          <Counters />
          <EventLog />
          <ThisTab />
          <LogSwitch />
        </>
      );
  }
}
