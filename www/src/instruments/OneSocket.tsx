import { useConnection, useMetrics, useTabState } from "everfresh/react";
import { Avatar } from "../people/Avatar";
import { PEOPLE, firstNameOf, useSession } from "../people/people";
import { NewTab } from "../ui/icons";
import { Wiring } from "./Wiring";
import "./OneSocket.css";

/** The way from the server to the tabs, as it is at this moment, and the button that adds a tab. */
export function OneSocket() {
  const { role, tabs } = useTabState();
  const { status } = useConnection();
  const { events } = useMetrics();
  const me = useSession(({ person }) => person.id);
  const other = PEOPLE.find(({ id }) => id !== me) ?? PEOPLE[0];
  return (
    <section className="card one-socket" aria-labelledby="one-socket-title">
      <h2 id="one-socket-title">One browser, one socket</h2>
      <p className="one-socket-words">
        {role === "alone"
          ? "This browser cannot share a connection: each tab has its own."
          : "One tab holds the connection and hands everything on to the others."}
      </p>
      <Wiring role={role} tabs={tabs} connected={status === "connected" || status === "degraded"} events={events} />
      <a className="button button-primary open-tab" href={location.search || "/"} target="_blank" rel="noopener" data-testid="open-tab">
        <NewTab />
        Open a second tab
        <span className="visually-hidden"> (opens in a new tab)</span>
      </a>
      <a className="button open-tab" href={`/?as=${other.id}`} target="_blank" rel="noopener" data-testid="open-beside">
        <Avatar user={other.id} small />
        Work beside {firstNameOf(other.id)}
        <span className="visually-hidden"> (opens in a new tab)</span>
      </a>
    </section>
  );
}
