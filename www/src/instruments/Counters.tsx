import { useConnection, useMetrics, useTabState } from "everfresh/react";
import { useTraffic } from "../net/traffic";
import "./Counters.css";

/** What happened in this tab since it was loaded. */
export function Counters() {
  const { events, invalidations } = useMetrics();
  const { reads, notModified } = useTraffic();
  const { role } = useTabState();
  const { status } = useConnection();
  const connected = status === "connected" || status === "degraded";
  return (
    <section className="card counters" aria-labelledby="counters-title">
      <h2 id="counters-title">In this tab</h2>
      <dl className="counters-list">
        <Counter name="Events received" id="counter-events" value={events} />
        <Counter name="Invalidations" id="counter-invalidations" value={invalidations} />
        <Counter name="Requests" id="counter-requests" value={reads} />
        <Counter name="of them 304" id="counter-304" value={notModified} hint="Nothing had changed: no body was sent" />
      </dl>
      <p className="counters-sockets">
        Sockets in this browser
        <strong className="number" data-testid="counter-sockets">
          {/* Tabs that cannot find each other cannot count each other's sockets. */}
          {role === "alone" ? "1 a tab" : connected ? 1 : 0}
        </strong>
      </p>
    </section>
  );
}

function Counter({ name, id, value, hint }: { name: string; id: string; value: number; hint?: string }) {
  return (
    <div className="counter" title={hint}>
      <dt>{name}</dt>
      <dd className="number" data-testid={id}>
        {value}
      </dd>
    </div>
  );
}
