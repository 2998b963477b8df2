import { useMetrics } from "everfresh/react";
import type { Latency } from "everfresh";
import "./MetricsPanel.css";

/** The stages of a change on its way to the screen, and how long each may take. */
const STAGES = [
  { of: "event", name: "Server to this tab", budget: 200 },
  { of: "invalidation", name: "Event to stale query", budget: 50 },
  { of: "refetch", name: "Refetch to data", budget: 300 },
] as const;

/** What the engine measures about itself. */
export function MetricsPanel() {
  const { figures, repeats, duplicates, echoes } = useMetrics();
  return (
    <section className="card metrics" aria-labelledby="metrics-title" data-testid="metrics">
      <h2 id="metrics-title">Measured in this tab</h2>
      <div className="metrics-scroll">
        <table className="number">
          <caption className="visually-hidden">How long each stage takes, in milliseconds</caption>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">p99</th>
            </tr>
          </thead>
          <tbody>
            {STAGES.map(({ of, name, budget }) => (
              <Stage key={of} name={name} budget={budget} latency={figures?.latency[of]} />
            ))}
          </tbody>
        </table>
      </div>
      <dl className="metrics-facts number">
        <Fact name="Uptime" value={percent(figures?.uptime)} id="metric-uptime" />
        <Fact name="Messages a second" value={figures?.messagesPerSecond.toFixed(1) ?? "–"} />
        <Fact name="Reconnects" value={String(figures?.reconnects ?? "–")} id="metric-reconnects" />
        <Fact name="Round trip" value={ms(figures?.roundTrip)} />
        <Fact name="Received" value={bytes(figures?.bytesIn)} />
        <Fact name="Sent" value={bytes(figures?.bytesOut)} />
        <Fact name="Requests that failed" value={percent(figures?.failureRate)} />
        <Fact name="Changes in conflict" value={percent(figures?.conflictRate)} />
        <Fact name="Spared: repeats, echoes" value={String(repeats + duplicates + echoes)} />
      </dl>
    </section>
  );
}

function Stage({ name, budget, latency }: { name: string; budget: number; latency: Latency | undefined }) {
  const over = (latency?.p95 ?? 0) > budget;
  return (
    <tr data-over={over}>
      <th scope="row">
        {name}
        <span className="metrics-budget">
          within {budget} ms{over && <span className="visually-hidden">, exceeded</span>}
        </span>
      </th>
      <td>{ms(latency?.p50)}</td>
      <td className="metrics-p95">{ms(latency?.p95)}</td>
      <td>{ms(latency?.p99)}</td>
    </tr>
  );
}

function Fact({ name, value, id }: { name: string; value: string; id?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={id}>{value}</dd>
    </div>
  );
}

const ms = (value: number | null | undefined) => (value == null ? "–" : `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`);
const percent = (value: number | null | undefined) => (value == null ? "–" : `${Math.round(value * 10) / 10} %`);

function bytes(value: number | null | undefined): string {
  if (value == null) return "–";
  return value < 1000 ? `${value} B` : `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} kB`;
}
