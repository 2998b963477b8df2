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
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const wanted = (all) => all.filter((name) => !options.contestant || options.contestant.includes(name));
const names = wanted(await contestants());
/** A queue is no client: other contestants are compared there. */
const queues = wanted(await contestants("queues"));
const namesOf = (measure) => (measure.contestants === "queues" ? queues : names);
const measures = MEASURES.filter(({ id }) => !options.only || options.only.some((part) => id.startsWith(part)));

const folder = await mkdtemp(join(tmpdir(), "everfresh-bench-"));
const backend = new Backend(folder);
try {
  await build(folder);
  await backend.start();
  const results = { download: await downloads(folder, names) };
  for (const measure of measures) results[measure.id] = await sideBySide(measure);
  const about = await conditions();
  const text = document({ about, measures, names, namesOf, results });
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

/** All contestants, one after the other in each round, so that whatever the machine does meets all of them. */
async function sideBySide(measure) {
  const names = namesOf(measure);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < (measure.once ? 1 : rounds); round += 1) {
    for (const name of names) {
      console.error(`${measure.id}, round ${round + 1} of ${rounds}: ${name}`);
      const chromium = await Chromium.start();
      try {
        samples[name].push(await measure.run({ chromium, backend, contestant: measure.contestants === "queues" ? `queue-${name}` : name, quick: options.quick }));
      } catch (error) {
        console.error(`  ${error.message.split("\n")[0]}`);
      } finally {
        await chromium.stop();
      }
    }
  }
  return Object.fromEntries(names.map((name) => [name, figures(measure, samples[name])]));
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
