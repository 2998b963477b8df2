import { Header } from "./Header";
import { Counters } from "./instruments/Counters";
import { EventLog } from "./instruments/EventLog";
import { FreshnessPanel } from "./instruments/FreshnessPanel";
import { LogSwitch } from "./instruments/LogSwitch";
import { MetricsPanel } from "./instruments/MetricsPanel";
import { OneSocket } from "./instruments/OneSocket";
import { QueuePanel } from "./instruments/QueuePanel";
import { ThisTab } from "./instruments/ThisTab";
import { Fenced } from "./people/Fenced";
import { useSession } from "./people/people";
import { CalendarScene } from "./scenes/calendar/CalendarScene";
import { ContractsScene } from "./scenes/contracts/ContractsScene";
import { SceneNav } from "./scenes/SceneNav";
import { TasksScene } from "./scenes/tasks/TasksScene";
import { useView } from "./tab/view";
import "./App.css";

export function App() {
  const fenced = useSession((session) => session.fenced);
  return (
    <>
      <a className="skip-link" href="#scene">
        Skip to the scene
      </a>
      <Header />
      {fenced ? (
        <Fenced />
      ) : (
        <div className="page">
          <main id="scene" tabIndex={-1}>
            <SceneNav />
            <Scene />
          </main>
          <aside className="beside" aria-label="How it is kept fresh">
            <OneSocket />
            <FreshnessPanel />
            <QueuePanel />
          </aside>
          <section className="instruments" aria-label="Instruments">
            <MetricsPanel />
            <ThisTab />
            <Counters />
            <EventLog />
            <LogSwitch />
          </section>
        </div>
      )}
    </>
  );
}

function Scene() {
  const { scene } = useView();
  switch (scene) {
    case "calendar":
      return <CalendarScene />;
    case "contracts":
      return <ContractsScene />;
    case "tasks":
      return <TasksScene />;
  }
}
