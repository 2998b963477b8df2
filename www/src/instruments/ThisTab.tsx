import { useQueryClient } from "@tanstack/react-query";
import { useChannel, useConnection, useLeader, useTabState } from "everfresh/react";
import { useSyncExternalStore } from "react";
import { seat } from "../people/people";
import { channelOf } from "../scenes/tasks/room";
import { useView } from "../tab/view";
import "./ThisTab.css";

/** What this tab is, as it stands: for whoever asks how tabs share one connection. */
export function ThisTab() {
  const leads = useLeader();
  const { role, tab, tabs } = useTabState();
  const { relay, transport, authenticated } = useConnection();
  const name = channelOf(useView(({ project }) => project));
  const channel = useChannel(name);
  const { watched, known } = useQueryCounts();
  const visible = useSyncExternalStore(onVisibility, () => document.visibilityState === "visible");
  return (
    <section className="card this-tab" aria-labelledby="this-tab-title">
      <h2 id="this-tab-title">This tab</h2>
      <dl className="facts">
        <dt>Part</dt>
        <dd data-testid="this-tab-leads" data-leads={leads}>
          {role === "starting" ? "Looks for the others" : leads ? "Speaks with the server" : "Is told by the tab that leads"}
        </dd>
        <dt>Page</dt>
        <dd>{visible ? "Visible" : "Hidden"}</dd>
        <dt>Socket and timers</dt>
        <dd>{relay === null ? "Another tab has them" : relay === "worker" ? "Held by a worker, awake while hidden" : "Held by the page"}</dd>
        <dt>Way</dt>
        <dd>{transport ?? "none"}</dd>
        <dt>Known to the server</dt>
        <dd>{authenticated ? "Yes" : "Not yet"}</dd>
        <dt>Channel “{name}”</dt>
        <dd className="number" data-testid="this-tab-channel" data-state={channel?.state ?? ""}>
          {channel === undefined ? "–" : channel.seq === undefined ? channel.state : `${channel.state}, at event ${channel.seq}`}
        </dd>
        <dt>Queries that listen</dt>
        <dd className="number" data-testid="this-tab-queries" data-watched={watched}>
          {watched} on the screen, {known} known
        </dd>
        <dt>Tabs of {seat ? "this seat" : "this browser"}</dt>
        <dd className="number">{tabs}</dd>
        <dt>Id</dt>
        <dd className="this-tab-id">{tab === "" ? "–" : tab}</dd>
      </dl>
    </section>
  );
}

function onVisibility(changed: () => void): () => void {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}

/** How many queries somebody looks at, which are kept up to date, and how many there are. */
function useQueryCounts(): { watched: number; known: number } {
  const cache = useQueryClient().getQueryCache();
  const counts = useSyncExternalStore(
    (changed) => cache.subscribe(changed),
    () => `${cache.findAll({ type: "active" }).length} ${cache.getAll().length}`,
  );
  const [watched = 0, known = 0] = counts.split(" ").map(Number);
  return { watched, known };
}
