import { Header } from "./Header";
import { Counters } from "./instruments/Counters";
import { EventLog } from "./instruments/EventLog";
import { OneSocket } from "./instruments/OneSocket";
import { TasksScene } from "./scenes/tasks/TasksScene";
import "./App.css";

export function App() {
  return (
    <>
      <a className="skip-link" href="#scene">
        Skip to the tasks
      </a>
      <Header />
      <div className="page">
        <main id="scene" tabIndex={-1}>
          <TasksScene />
        </main>
        <aside className="instruments" aria-label="Instruments">
          <OneSocket />
          <Counters />
          <EventLog />
        </aside>
      </div>
    </>
  );
}
