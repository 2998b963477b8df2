#!/usr/bin/env node
// Runs a server through the protocol. `--help` says how.

import { parseArgs } from "node:util";

import { HELP, LEVELS, OPTIONS, run } from "./lib/run.mjs";
import { table } from "./lib/report.mjs";

function fail(text) {
  console.error(`${text}\n\n${HELP}`);
  process.exit(2);
}

let parsed;
try {
  parsed = parseArgs({ options: OPTIONS, allowPositionals: true });
} catch (error) {
  fail(error.message);
}
const { values, positionals } = parsed;
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
if (positionals.length !== 1 || !/^(ws|http)s?:\/\//.test(positionals[0])) fail("one URL is wanted, such as ws://127.0.0.1:4600/live");
const unknown = values.level?.find((level) => !(level in LEVELS));
if (unknown) fail(`\`${unknown}\` is no level: ${Object.keys(LEVELS).join(", ")}`);
const patience = Number(values.patience);
if (!(patience >= 100)) fail("--patience wants milliseconds, at least 100");
const headers = {};
for (const header of values.header ?? []) {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(header) ?? fail(`--header wants NAME: VALUE, not ${header}`);
  headers[name] = value;
}

const results = await run({ ...values, url: positionals[0].replace(/\/$/, ""), patience, headers });
const failed = results.some((result) => result.outcome === "failed");
const text = values.json ? JSON.stringify({ url: positionals[0], well: !failed, cases: results }, null, 1) : table(results);
// Some connections may take their time to end; the text may too, where it goes into a pipe.
process.stdout.write(`${text}\n`, () => process.exit(failed ? 1 : 0));
