import { useEverfresh } from "everfresh/react";
import { useRef, useState } from "react";
import type { ContractName } from "../contracts";
import { Explain } from "./Explain";
import { FreshnessBar } from "./FreshnessBar";
import { useHealth, useServerStats } from "./serverState";
import "./FreshnessPanel.css";

/** How every query stands to its contract, and how it is kept. */
export function FreshnessPanel() {
  const stats = useServerStats();
  const health = useHealth();
  const { contracts } = useEverfresh();
  const [asked, setAsked] = useState<ContractName>("tasks");
  const dialog = useRef<HTMLDialogElement>(null);
  const explain = (name: ContractName) => {
    setAsked(name);
    dialog.current?.showModal();
  };
  return (
    <section className="card freshness-panel" aria-labelledby="freshness-title">
      <h2 id="freshness-title">Freshness</h2>
      <p className="freshness-words">Each query has a contract: how old it may get, and how it is looked after.</p>
      <ul>
        <FreshnessBar name="tasks" title="Tasks" value="pushed by events" explain={explain} />
        <FreshnessBar
          name="server"
          title="Server counters"
          value={stats.data ? `${stats.data.events_total} events sent` : "asked for"}
          explain={explain}
        />
        <FreshnessBar
          name="health"
          title="Health check"
          value={health.data === undefined ? "on request" : health.data.ok ? "server is well" : "server is not well"}
          explain={explain}
        />
      </ul>
      <Explain ref={dialog} family={contracts.families[asked] ?? [asked]} />
    </section>
  );
}
