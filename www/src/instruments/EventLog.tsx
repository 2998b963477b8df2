import { useEvent, useTabState } from "everfresh/react";
import type { NameOf, LiveEvent, RegisteredEvents } from "everfresh";
import { useRef, useState } from "react";
import { clockTime } from "../ui/clock";
import "./EventLog.css";

const KEPT = 5;

interface Entry {
  key: number;
  name: NameOf<RegisteredEvents>;
  id: string;
  by: string | null;
  at: number;
}

/** The last events that reached this tab, newest first. */
export function EventLog() {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const { tab } = useTabState();
  const next = useRef(0);
  const note = ({ id }: { id: string }, event: LiveEvent<NameOf<RegisteredEvents>>) => {
    const entry = { key: next.current++, name: event.name, id, by: event.by, at: event.at ?? Date.now() };
    setEntries((known) => [entry, ...known].slice(0, KEPT));
  };
  useEvent("task_created", note);
  useEvent("task_updated", note);
  useEvent("task_deleted", note);
  useEvent("timeblock_updated", ({ timeblock }, event) => note(timeblock, event));
  return (
    <section className="card event-log" aria-labelledby="event-log-title">
      <h2 id="event-log-title">Last events</h2>
      <p className="event-log-words">
        Change a task, here or in another tab: what the server tells of it appears in every tab.
      </p>
      <ol data-testid="event-log">
        {entries.map(({ key, name, id, by, at }) => (
          <li key={key} className="event-log-entry">
            <span className="event-log-name">
              {name} <span className="event-log-id">#{id}</span>
            </span>
            <span className="event-log-by">{by === null ? "" : by === tab ? "this tab" : "another tab"}</span>
            <time className="number" dateTime={new Date(at).toISOString()}>
              {clockTime(at)}
            </time>
          </li>
        ))}
      </ol>
    </section>
  );
}
