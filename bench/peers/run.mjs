// Everything side by side, in one run: `cargo xtask bench`. See docs/benchmarks.md.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { Backend } from "./backend.mjs";
import { build, contestants, downloads } from "./build.mjs";
import { Chromium } from "./chromium.mjs";
import { MEASURES } from "./measures.mjs";
import { document, median, misses } from "./table.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    contestant: { type: "string", multiple: true },
    rounds: { type: "string" },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 2));
/** Of the clients with a connection, whom a quick run has unless others are wished for: one peer stands for all. */
const QUICK = ["raw", "raw-coalesced", "everfresh", "everfresh-socketio", "socketio"];
const wanted = (all) => all.filter((name) => !options.contestant || options.contestant.includes(name));
const names = wanted(await contestants()).filter((name) => options.contestant || !options.quick || QUICK.includes(name));
/** A queue is no client: other contestants are compared there. And some do for tabs what a client does not. */
const [queues, tabs] = [wanted(await contestants("queues")), wanted(await contestants("tabs"))];
const namesOf = ({ contestants, also }) => (contestants === "queues" ? queues : also === "tabs" ? [...names, ...tabs] : names);
const isWanted = ({ id, long }) => (options.only ? options.only.some((part) => id.startsWith(part)) : !(long && options.quick));
const measures = MEASURES.map((measure) => (measure.parts ? { ...measure, parts: measure.parts.filter(isWanted) } : measure)).filter((measure) =>
  measure.parts ? measure.parts.length > 0 : isWanted(measure),
);
/** Those that wait at the same time begin one after the other, so that none is disturbed by another one's return. */
const APART_MS = 1000;

const folder = await mkdtemp(join(tmpdir(), "everfresh-bench-"));
const backend = new Backend(folder);
try {
  await build(folder);
  await backend.start();
  const results = { download: { ...(await downloads(folder, names)), ...(await downloads(folder, tabs, "tabs")) } };
  for (const measure of measures) Object.assign(results, await sideBySide(measure));
  const about = await conditions();
  const text = document({ about, measures, namesOf, results });
  console.log(text);
  if (!options.only && !options.contestant && !options.check) await keep({ about, results }, text);
  if (options.check) {
    const missed = misses(results, JSON.parse(await readFile(new URL("budgets.json", import.meta.url), "utf8")));
    for (const line of missed) console.error(`over budget: ${line}`);
    process.exitCode = missed.length === 0 ? 0 : 1;
  }
} finally {
  await backend.end();
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** The figures of a measure, or of each of its parts, by contestant. All contestants run in each round, so that whatever the
 * machine does meets all of them. */
async function sideBySide(measure) {
  const names = namesOf(measure);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  const all = Math.min(rounds, measure.rounds ?? rounds);
  for (let round = 0; round < all; round += 1) {
    const began = performance.now();
    await (measure.open ? together : inTurn)(measure, names, samples);
    console.error(`${measure.id}, round ${round + 1} of ${all}: ${Math.round((performance.now() - began) / 1000)} s`);
  }
  const of = (part, take) => [part.id, Object.fromEntries(names.map((name) => [name, figures(part, samples[name].map(take))]))];
  return Object.fromEntries(measure.parts ? measure.parts.map((part) => of(part, (sample) => sample[part.id])) : [of(measure, (sample) => sample)]);
}

/** One after the other, in a browser that is emptied between them. Queues crash theirs. */
async function inTurn(measure, names, samples) {
  const isOwn = measure.contestants === "queues";
  let chromium;
  for (const name of names) {
    if (measure.browser !== false) chromium ??= await Chromium.start();
    const contestant = isOwn ? `queue-${name}` : name;
    await taken(name, samples, () => measure.run({ chromium, backend, contestant, quick: options.quick, parts: measure.parts }));
    if (isOwn) {
      await chromium.stop();
      chromium = undefined;
    } else await chromium?.clear(backend.url);
  }
  await chromium?.stop();
}

/** What is mostly waited for is waited for by all at the same time, each with a backend and a browser of its own. */
async function together(measure, names, samples) {
  const places = [];
  for (const contestant of names) {
    const place = { contestant, backend: new Backend(folder), chromium: await Chromium.start() };
    await place.backend.start();
    await taken(contestant, samples, async () => {
      place.page = await measure.open(place);
    });
    places.push(place);
  }
  const runs = places.map(async (place, at) => {
    await new Promise((resolve) => setTimeout(resolve, at * APART_MS));
    if (place.page) await taken(place.contestant, samples, () => measure.run(place));
  });
  await Promise.all(runs);
  for (const { chromium, backend } of places) {
    await chromium.stop();
    await backend.end();
  }
}

/** Takes a sample, if there is one. */
async function taken(name, samples, take) {
  try {
    const sample = await take();
    if (sample) samples[name].push(sample);
  } catch (error) {
    console.error(`  ${name}: ${error.message.split("\n")[0]}`);
  }
}

/** The median of each figure, with its smallest and largest. */
function figures(measure, samples) {
  const each = Object.keys(measure.figures).map((figure) => {
    const found = samples.map((sample) => sample[figure]).filter((value) => Number.isFinite(value));
    return [figure, found.length === 0 ? null : { median: median(found), least: Math.min(...found), most: Math.max(...found) }];
  });
  return Object.fromEntries(each);
}

async function conditions() {
  const versions = JSON.parse(await readFile(new URL("package.json", import.meta.url), "utf8")).dependencies;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
    browser: execFileSync(process.env.EVERFRESH_BROWSER, ["--version"], { encoding: "utf8" }).trim(),
    node: process.version,
    processors: cpus().length,
    // Beside the bench itself, which keeps about one of them busy.
    load: loadavg().map((value) => Number(value.toFixed(1))),
    rounds,
    quick: options.quick,
    versions,
  };
}

async function keep(found, text) {
  const results = new URL("../results/", import.meta.url);
  await mkdir(results, { recursive: true });
  await writeFile(new URL("latest.json", results), `${JSON.stringify(found, null, 1)}\n`);
  await writeFile(new URL("latest.md", results), text);
}
