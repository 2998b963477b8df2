import { useConnection, useTabState } from "everfresh/react";
import type { TabRole } from "everfresh";
import { Crown, Link } from "../ui/icons";
import "./TabBadge.css";

const ROLES: Record<TabRole, { text: string; meaning: string }> = {
  leader: { text: "Leader", meaning: "This tab holds the connection, for itself and for the others" },
  follower: { text: "Follower", meaning: "Another tab holds the connection and hands everything on to this one" },
  alone: { text: "On its own", meaning: "This browser cannot share a connection, so every tab has its own" },
  starting: { text: "Joining", meaning: "This tab is looking for the others" },
};

/** What this tab is among the tabs of the browser. */
export function TabBadge() {
  const { role, tabs } = useTabState();
  const { status } = useConnection();
  const sockets = status === "connected" || status === "degraded" ? "1 socket" : "no socket";
  const { text, meaning } = ROLES[role];
  const count = `${tabs === 1 ? "1 tab" : `${tabs} tabs`}, ${sockets}`;
  return (
    <p className="tab-badge">
      <span className="tab-role" data-testid="tab-role" data-role={role} title={meaning}>
        {role === "leader" ? <Crown /> : <Link />}
        {text}
      </span>
      {/* Other words are another element: what stands at the right edge does not move when it says something else. */}
      <span key={count} className="tab-count number" data-testid="tab-count" data-tabs={tabs}>
        {count}
      </span>
    </p>
  );
}
