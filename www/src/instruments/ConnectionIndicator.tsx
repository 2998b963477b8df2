import { useConnection } from "everfresh/react";
import type { ConnectionStatus, Transport } from "everfresh";
import { useState } from "react";
import { Chevron, Refresh } from "../ui/icons";
import { clockTime, span, until, useNow } from "../ui/clock";
import "./ConnectionIndicator.css";

/** How a state looks: at rest, on the way, in need of attention, or broken. */
type Tone = "good" | "busy" | "off" | "bad";

const STATES: Record<ConnectionStatus, { text: string; tone: Tone; meaning: string }> = {
  idle: { text: "Idle", tone: "off", meaning: "Not connected yet." },
  connecting: { text: "Connecting", tone: "busy", meaning: "Dialling the server for the first time." },
  connected: { text: "Connected", tone: "good", meaning: "Every change on the server reaches this page at once." },
  degraded: { text: "Degraded", tone: "busy", meaning: "Connected, but over a slower way." },
  polling: { text: "Polling", tone: "good", meaning: "The server is asked as often as the contracts want." },
  reconnecting: {
    text: "Reconnecting",
    tone: "busy",
    meaning: "The connection was lost. What was missed will be made up for.",
  },
  offline: { text: "Offline", tone: "off", meaning: "This device has no network." },
  "needs-auth": { text: "Login needed", tone: "bad", meaning: "The server wants to know who you are." },
  failed: { text: "Failed", tone: "bad", meaning: "Trying again by itself would be of no use." },
  closed: { text: "Closed", tone: "off", meaning: "The page ended the connection." },
};

const WAYS: Record<Transport, string> = {
  ws: "WebSocket",
  sse: "stream of events over HTTP",
  poll: "polling over HTTP",
};

const HOLDERS = {
  worker: "a worker of this tab",
  page: "this page, for want of a worker",
};

/** The state of the connection in the header; its popover says why, and since when. */
export function ConnectionIndicator() {
  const { status, reason, since, attempt, nextRetry, transport, relay, reconnect } = useConnection();
  const [open, setOpen] = useState(false);
  const now = useNow(open);
  const { text, tone, meaning } = STATES[status];
  return (
    <div className="connection">
      <button
        type="button"
        className="connection-button"
        popoverTarget="connection-details"
        data-testid="connection-status"
        data-state={status}
        data-tone={tone}
      >
        <span className="connection-dot" />
        <span className="visually-hidden">Connection: </span>
        <span className="connection-text">{text}</span>
        <Chevron />
      </button>
      <p role="status" className="visually-hidden">
        {text}
      </p>
      <div
        id="connection-details"
        popover="auto"
        className="hanging connection-details"
        data-testid="connection-details"
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        <p className="connection-meaning">{meaning}</p>
        <dl className="facts number">
          <dt>Reason</dt>
          <dd data-testid="connection-reason">{reason}</dd>
          <dt>Way</dt>
          <dd data-testid="connection-transport" data-transport={transport ?? ""}>
            {wayWords(transport, status, nextRetry)}
          </dd>
          <dt>Held by</dt>
          <dd data-testid="connection-relay" data-relay={relay ?? ""}>
            {relay === null ? "another tab, or nobody yet" : HOLDERS[relay]}
          </dd>
          <dt>Since</dt>
          <dd>{since === 0 ? "–" : `${clockTime(since)} (${span(now - since)})`}</dd>
          <dt>Failed tries</dt>
          <dd>{attempt}</dd>
          <dt>Next try</dt>
          <dd>{nextRetry === null ? "none planned" : until(nextRetry - now)}</dd>
        </dl>
        <button
          type="button"
          className="button"
          data-testid="reconnect"
          disabled={status === "connected" || status === "closed"}
          onClick={reconnect}
        >
          <Refresh />
          Reconnect now
        </button>
      </div>
    </div>
  );
}

/** While there is no connection it is the way that is tried: a server that does not answer by it gets ten seconds. */
function wayWords(transport: Transport | null, status: ConnectionStatus, nextRetry: number | null): string {
  if (transport === null) return "–";
  if (status !== "connecting" && status !== "reconnecting") return WAYS[transport];
  return `${WAYS[transport]}, ${nextRetry === null ? "tried now; left after 10 s without an answer" : "tried next"}`;
}
