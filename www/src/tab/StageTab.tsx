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
import { clockTime } from "../ui/clock";
import { CalendarScene } from "../scenes/calendar/CalendarScene";
import { ContractsScene } from "../scenes/contracts/ContractsScene";
import { SCENES } from "../scenes/scenes";
import { TasksScene } from "../scenes/tasks/TasksScene";
import { useStill } from "./still";
import { useView } from "./view";
import type { Panel } from "./view";
import "../App.css";
import "./StageTab.css";

const PANELS: readonly { id: Panel; name: string }[] = [
  { id: "freshness", name: "Freshness" },
  { id: "queue", name: "Queue" },
  { id: "measured", name: "Measured" },
];

/** The page as one of the tabs on the stage: what stands side by side on a page of its own stands behind a switch. */
export function StageTab() {
  const fenced = useSession((session) => session.fenced);
  const { scene, panel } = useView();
  const { count } = useQueue();
  const { until } = useStill();
  return (
    <>
      {until !== null && (
        <p className="still" role="alert" data-testid="still">
          This page stands still until {clockTime(until)}: it hears, draws and answers nothing.
        </p>
      )}
      <header className="tab-header">
        <ConnectionIndicator />
        <PersonMenu />
      </header>
      {fenced ? (
        <Fenced />
      ) : (
        <>
          <nav className="views" aria-label="What this tab shows">
            {[{ id: null, name: SCENES.find(({ id }) => id === scene)?.name }, ...PANELS].map(({ id, name }) => (
              <button
                key={id ?? "scene"}
                type="button"
                className="view"
                aria-current={panel === id ? "page" : undefined}
                data-testid={`view-${id ?? "scene"}`}
                onClick={() => useView.setState({ panel: id })}
              >
                {name}
                {id === "queue" && count > 0 && <span className="view-count number">{count}</span>}
              </button>
            ))}
          </nav>
          <main className="tab-view" id="scene" tabIndex={-1}>
            {/* It stays while something else is shown: the stage compares what the tabs have. */}
            <div hidden={panel !== null || scene !== "tasks"}>
              <TasksScene />
            </div>
            {scene === "calendar" && (
              <div hidden={panel !== null}>
                <CalendarScene />
              </div>
            )}
            {scene === "contracts" && (
              <div hidden={panel !== null}>
                <ContractsScene />
              </div>
            )}
            {panel !== null && <h1 className="visually-hidden">{PANELS.find(({ id }) => id === panel)?.name}</h1>}
            <Behind panel={panel} />
          </main>
        </>
      )}
    </>
  );
}

function Behind({ panel }: { panel: Panel | null }) {
  switch (panel) {
    case null:
      return null;
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
