// Drives the page in Chromium, prints the figures and writes them to bench/results/query.json. See README.md.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The address of a driver, which ends with this process. */
async function startDriver() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  const driver = spawn("chromedriver", [`--port=${port}`], { stdio: "ignore" });
  process.on("exit", () => driver.kill());
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/status`).catch(() => undefined))?.ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return url;
}

const { env } = process;
env.EVERFRESH_ENGINE = "chromium";
env.EVERFRESH_BROWSER ??= execFileSync("sh", ["-c", "command -v chromium || command -v google-chrome"], { encoding: "utf8" }).trim();
env.EVERFRESH_SERVER ??= root("target/debug/everfresh-server");
env.EVERFRESH_WEBDRIVER ??= await startDriver();

// It looks for these when it is loaded.
const { figures } = await import("./drive.mjs");
const found = await figures();
const version = (name) => JSON.parse(readFileSync(root(`node_modules/${name}/package.json`), "utf8")).version;
const about = {
  date: new Date().toISOString().slice(0, 10),
  browser: execFileSync(env.EVERFRESH_BROWSER, ["--version"], { encoding: "utf8" }).trim(),
  queryCore: version("@tanstack/query-core"),
};
mkdirSync(root("bench/results"), { recursive: true });
writeFileSync(root("bench/results/query.json"), `${JSON.stringify({ about, ...found }, null, 2)}\n`);

const rows = Object.entries(found.everfresh).flatMap(([scene, of]) =>
  Object.keys(of).map((figure) => ({ scene, figure, everfresh: of[figure], plain: found.plain[scene][figure] })),
);
console.table(rows);
process.exit(0);
