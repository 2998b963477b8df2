import type { Latency } from "everfresh";
import { useStage } from "./devices";
import { percentile, useCrossings } from "./latency";

interface Stage {
  readonly id: string;
  readonly name: string;
  readonly budget: number;
  readonly middle: number | null;
  readonly most: number | null;
}

/** A change on its way to another device, stage by stage, each against what it may take. */
export function LatencyStrip() {
  const devices = useStage((stage) => stage.devices);
  const { samples } = useCrossings();
  const measured = devices
    .flatMap(({ tabs }) => tabs.map(({ report }) => report?.metrics?.latency))
    .filter((latency) => latency !== undefined);
  const worst = (of: "event" | "invalidation" | "refetch") => worstOf(measured.map((latency) => latency[of]));
  const stages: Stage[] = [
    { id: "event", name: "Broadcast", budget: 200, ...worst("event") },
    { id: "invalidation", name: "Invalidation", budget: 50, ...worst("invalidation") },
    { id: "refetch", name: "Refetch", budget: 300, ...worst("refetch") },
    { id: "crossing", name: "Action to other device", budget: 500, middle: percentile(samples, 0.5), most: percentile(samples, 0.95) },
  ];
  return (
    <section className="card instrument" aria-labelledby="latency-title" data-testid="latency">
      <h2 id="latency-title">How long it takes</h2>
      <p className="instrument-words">The slowest tab of the stage. The mark on each line is its budget.</p>
      <ul className="latency">
        {stages.map((stage) => (
          <Line key={stage.id} {...stage} />
        ))}
      </ul>
    </section>
  );
}

function worstOf(latencies: readonly Latency[]): { middle: number | null; most: number | null } {
  const top = (of: "p50" | "p95") =>
    latencies.reduce<number | null>((worst, latency) => (latency[of] === null ? worst : Math.max(worst ?? 0, latency[of])), null);
  return { middle: top("p50"), most: top("p95") };
}

/** The mark of the budget stands at this share of the line. */
const MARK = 60;

function Line({ id, name, budget, middle, most }: Stage) {
  const over = (most ?? 0) > budget;
  // What is far over is at the line's end: how far, the number says.
  const at = (value: number | null) => Math.min(100, ((value ?? 0) / budget) * MARK);
  return (
    <li className="latency-line" data-testid={`latency-${id}`} data-over={over} data-p95={most ?? ""}>
      <span className="latency-head">
        <span className="latency-name">{name}</span>
        <span className="latency-value number">
          {most === null ? "–" : `${ms(middle)}, 95 % within ${ms(most)}`}
          <span className="visually-hidden">{over ? ", over its budget" : ""}</span>
        </span>
      </span>
      <svg className="latency-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect className="bar-ground" width="100" height="8" />
        <rect className="bar-most" width={at(most)} height="8" />
        <rect className="bar-value" width={at(middle)} height="8" />
        <rect className="bar-mark" x={MARK - 0.4} width="0.8" height="8" />
      </svg>
      <span className="latency-budget number">
        <span className="visually-hidden">Budget: </span>
        {budget} ms
      </span>
    </li>
  );
}

const ms = (value: number | null) => (value === null ? "–" : `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`);
