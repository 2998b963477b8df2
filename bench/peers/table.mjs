// Figures as tables: the median of each, how much it varied, and how it stands to the floor and to the best peer.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const OURS = /^everfresh/;
const FLOOR = "raw";

/** A number as short as it can be understood. */
function short(value) {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function cell(figure) {
  if (figure === null || figure === undefined) return "–";
  const { median: middle, least, most } = figure;
  return least === most ? short(middle) : `${short(middle)} (${short(least)}–${short(most)})`;
}

function ratio(value, to) {
  if (value === undefined || to === undefined || to === 0) return "–";
  const times = value / to;
  return `${times >= 10 ? times.toFixed(0) : times.toFixed(times < 0.1 ? 3 : 2)}x`;
}

const row = (cells) => `| ${cells.join(" | ")} |`;

/** One measure: a row a contestant. The ratios are of the first figure. */
function table(measure, names, found) {
  const columns = Object.entries(measure.figures);
  const [first] = columns[0];
  const of = (name) => found[name]?.[first]?.median;
  const peers = names.filter((name) => !OURS.test(name) && !name.startsWith("raw")).map(of).filter((value) => value !== undefined);
  const best = peers.length === 0 ? undefined : Math.min(...peers);
  const head = ["", ...columns.map(([name, unit]) => (unit ? `${label(name)}, ${unit}` : label(name))), `to ${FLOOR}`, "to the best peer"];
  const rows = names.map((name) => row([OURS.test(name) ? `**${name}**` : name, ...columns.map(([figure]) => cell(found[name]?.[figure])), ratio(of(name), of(FLOOR)), ratio(of(name), best)]));
  return [`### ${measure.title}`, "", row(head), row(head.map(() => "---")), ...rows, ""].join("\n");
}

const label = (name) => name.replace(/_(ms|us|mb)$/, "").replace("us_per_event", "an event").replaceAll("_", " ").replace(/^us$/, "an event");

export function document({ about, measures, namesOf, results }) {
  const sizes = ["### Download of a client with all that it loads, brotli", "", "| | bytes |", "| --- | --- |", ...Object.entries(results.download).map(([name, bytes]) => row([name, short(bytes)])), ""];
  return [
    "# Side by side",
    "",
    `${about.date}, commit ${about.commit}, ${about.browser}, Node ${about.node}, ${about.processors} processors, load ${about.load.join(" ")}, ${about.rounds} round${about.rounds === 1 ? "" : "s"}${about.quick ? ", quick" : ""}.`,
    `Medians, with the smallest and the largest. [How to read and repeat this](../../docs/benchmarks.md).`,
    "",
    Object.entries(about.versions).map(([name, version]) => `${name} ${version}`).join(", "),
    "",
    ...sizes,
    ...measures.flatMap((measure) => (measure.parts ?? [measure]).map((part) => table(part, namesOf(measure), results[part.id]))),
  ].join("\n");
}

/** What of a run is beyond its budget: by figures, and by ratios to others of the same run. */
export function misses(results, budgets) {
  const missed = [];
  const value = (id, name, figure) => results[id]?.[name]?.[figure]?.median;
  for (const { measure, contestant = "everfresh", figure, most, least, of, why } of budgets) {
    const seen = measure === "download" ? results.download[contestant] : value(measure, contestant, figure);
    if (seen === undefined) continue;
    const unit = of === undefined ? 1 : value(measure, of, figure);
    if (unit === undefined || unit === 0) continue;
    const stands = seen / unit;
    const told = `${measure} ${figure ?? ""} of ${contestant}: ${short(stands)}${of ? ` times ${of}` : ""}`;
    if (most !== undefined && stands > most) missed.push(`${told}, at most ${most} (${why})`);
    if (least !== undefined && stands < least) missed.push(`${told}, at least ${least} (${why})`);
  }
  return missed;
}
