// Runs the suite as anybody would: as a program.

import { spawn } from "node:child_process";
import { join } from "node:path";

const PROGRAM = join(import.meta.dirname, "../../run.mjs");

/** Its exit code and what it said as JSON. */
export async function suite(...flags) {
  const child = spawn(process.execPath, [PROGRAM, ...flags, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, ...JSON.parse(output) };
}

/** The names of the cases that came out so. */
export function names(result, outcome) {
  return result.cases.filter((one) => one.outcome === outcome).map((one) => `${one.level}: ${one.name}`);
}

/** All that has to be seen of what failed. */
export function failures(result) {
  const failed = result.cases.filter((one) => one.outcome === "failed");
  return failed.map(({ name, why, says, story }) =>
    [name, why, says, ...story.map(({ page, sign, text }) => `  ${page} ${sign} ${text.slice(0, 300)}`)].join("\n"));
}
