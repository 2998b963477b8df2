// What the benchmarks in a browser stand on: Chromium, its driver and the server, named by the variables that the browser
// tests read. Imported before what reads them.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export const root = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

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

/** The browser, as it calls itself. */
export const version = () => execFileSync(env.EVERFRESH_BROWSER, ["--version"], { encoding: "utf8" }).trim();
