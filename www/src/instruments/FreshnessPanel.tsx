import { useEverfresh } from "everfresh/react";
import { useState } from "react";
import type { ContractName } from "../contracts";
import { useView } from "../tab/view";
import { Explain } from "./Explain";
import { Families } from "./Families";
import { FreshnessBar } from "./FreshnessBar";
import { useHealth, useServerStats } from "./serverState";
import "./FreshnessPanel.css";

/** How every query stands to its contract, and how it is kept. */
export function FreshnessPanel() {
  const stats = useServerStats();
  const health = useHealth();
  const { contracts } = useEverfresh();
  // Of what is shown: a contract is not kept for what nobody looks at.
  const { scene } = useView();
  const [asked, setAsked] = useState<ContractName | null>(null);
  return (
    <section className="card freshness-panel" aria-labelledby="freshness-title">
      <h2 id="freshness-title">Freshness</h2>
      <p className="freshness-words">Each query has a contract: how old it may get, and how it is looked after.</p>
      {scene === "tasks" && <Families explain={setAsked} />}
      <ul>
        <FreshnessBar name="tasks" title="Tasks" value="told by events" explain={setAsked} />
        {scene === "calendar" && <FreshnessBar name="calendar" title="Calendar" value="told by events" explain={setAsked} />}
        <FreshnessBar
          name="server"
          title="Server counters"
          value={stats.data ? `${stats.data.events_total} events` : "polled"}
          explain={setAsked}
        />
        <FreshnessBar
          name="health"
          title="Health check"
          value={health.data === undefined ? "on request" : health.data.ok ? "server is well" : "server is not well"}
          explain={setAsked}
        />
      </ul>
      {asked !== null && <Explain family={contracts.families[asked] ?? [asked]} over={() => setAsked(null)} />}
    </section>
  );
}
