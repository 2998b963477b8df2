import { useConnection, useMetrics, useTabState } from "everfresh/react";
import { Crown, NewTab, Server } from "../ui/icons";
import "./OneSocket.css";

/** Tabs that are drawn one by one. More of them are a number, so that the card keeps its size. */
const DRAWN = 5;

/** A picture of the way from the server to the tabs, as it is at this moment. */
export function OneSocket() {
  const { role, tabs } = useTabState();
  const { status } = useConnection();
  const { events } = useMetrics();
  const shared = role === "leader" || role === "follower";
  const drawn = Math.min(tabs, tabs > DRAWN ? DRAWN - 1 : DRAWN);
  const hidden = tabs - drawn;
  return (
    <section className="card one-socket" aria-labelledby="one-socket-title">
      <h2 id="one-socket-title">One browser, one socket</h2>
      <p className="one-socket-words">
        {shared
          ? "However many tabs are open, one of them holds the connection and hands everything on."
          : "Tabs share one connection as soon as they have found each other."}
      </p>
      <div className="wiring" aria-hidden="true">
        <span className="wiring-server">
          <Server />
          Server
        </span>
        <span className="wire" data-live={status === "connected"}>
          {/* Another key is another element, and so the same motion once more. */}
          {events > 0 && <span key={events} className="wire-event" />}
        </span>
        <span className="wiring-tabs" data-shared={shared && tabs > 1}>
          {Array.from({ length: drawn }, (_, index) => {
            const leads = shared && index === 0;
            const own = role === "follower" ? index === 1 : index === 0;
            return (
              <span key={index} className="wiring-tab" data-own={own}>
                <span className="wiring-crown">{leads && <Crown />}</span>
                <span className="wiring-window" />
                <span className="wiring-name">{own ? "this tab" : ""}</span>
              </span>
            );
          })}
          {hidden > 0 && <span className="wiring-more number">+{hidden}</span>}
        </span>
      </div>
      <a className="button button-primary open-tab" href="/" target="_blank" rel="noopener" data-testid="open-tab">
        <NewTab />
        Open a second tab
        <span className="visually-hidden"> (opens in a new tab)</span>
      </a>
    </section>
  );
}
