import { KEPT, useHistory } from "./samples";
import type { Sample } from "./samples";

type Curve = {
  readonly of: keyof Sample;
  readonly name: string;
  readonly unit: string;
  /** The least height of the scale, so that a calm curve is a low one. */
  readonly least: number;
};

const CURVES: readonly Curve[] = [
  { of: "messages", name: "Messages a second", unit: "", least: 5 },
  { of: "latency", name: "Median latency", unit: " ms", least: 100 },
  { of: "uptime", name: "Uptime", unit: " %", least: 100 },
  { of: "reconnects", name: "Reconnects", unit: "", least: 5 },
  { of: "failures", name: "Requests that failed", unit: " %", least: 100 },
  { of: "conflicts", name: "Changes in conflict", unit: " %", least: 100 },
];

/** How the figures went in the last two minutes. */
export function History() {
  const { samples } = useHistory();
  return (
    <section className="card instrument" aria-labelledby="history-title" data-testid="history" data-samples={samples.length}>
      <h2 id="history-title">The last two minutes</h2>
      <ul className="curves">
        {CURVES.map((curve) => (
          <li key={curve.of} className="curve" data-testid={`curve-${curve.of}`}>
            <span className="curve-name">{curve.name}</span>
            <span className="curve-value number">{lastOf(samples, curve)}</span>
            <Line samples={samples} curve={curve} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function lastOf(samples: readonly Sample[], { of, unit }: Curve): string {
  const last = samples.at(-1)?.[of] ?? null;
  return last === null ? "–" : `${Math.round(last * 10) / 10}${unit}`;
}

const WIDTH = KEPT - 1;
const HEIGHT = 32;

/** The latest is at the right edge, wherever the curve begins. */
function Line({ samples, curve: { of, least } }: { samples: readonly Sample[]; curve: Curve }) {
  const top = samples.reduce((most, sample) => Math.max(most, sample[of] ?? 0), least);
  const from = KEPT - samples.length;
  let path = "";
  let drawing = false;
  samples.forEach((sample, index) => {
    const value = sample[of];
    if (value === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? "L" : "M"}${from + index} ${round(HEIGHT - 1 - (value / top) * (HEIGHT - 2))}`;
    drawing = true;
  });
  return (
    <svg className="curve-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path className="curve-ground" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path className="curve-path" d={path} />
    </svg>
  );
}

const round = (value: number) => Math.round(value * 10) / 10;
