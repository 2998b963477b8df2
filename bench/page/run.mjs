// How long the demo's pages take until somebody can use them: their data is there, and no long task runs. See README.md.

import { root, version } from "../chromium.mjs";

process.env.EVERFRESH_WWW ??= root("www/dist");
// They look for these when they are loaded.
const { Browser, eventually } = await import("../../tests/e2e/lib/browser.mjs");
const { Server } = await import("../../tests/e2e/lib/server.mjs");

const RUNS = Number(process.argv[2] ?? 7);

/** Each page, and what can be used first. */
const PAGES = [
  ["/", "task-item"],
  ["/stage", "lab-down"],
];

/** Notes in the page itself when that is there, and what kept it busy. */
const WATCH = (sign) => `
  window.busy = [];
  new PerformanceObserver((list) => window.busy.push(...list.getEntries().map(({ startTime, duration }) => startTime + duration))).observe({ type: "longtask", buffered: true });
  new MutationObserver(() => {
    if (document.querySelector("[data-testid='${sign}']")) window.there ??= performance.now();
  }).observe(document, { childList: true, subtree: true });`;

/** Long tasks that begin a second after that are none of the page's start. */
const INTERACTIVE = "return window.there === undefined ? null : Math.max(window.there, ...window.busy.filter((end) => end < window.there + 1000))";

async function measure(server, path, sign) {
  const browser = await Browser.start();
  try {
    const tab = await browser.open(`${server.url}/favicon.svg`);
    await tab.devtools("Page.addScriptToEvaluateOnNewDocument", { source: WATCH(sign) });
    const times = [];
    for (const _visit of ["first", "again"]) {
      await tab.go(`${server.url}${path}`);
      await eventually("it can be used", () => tab.run(INTERACTIVE));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      times.push(Math.round(await tab.run(INTERACTIVE)));
    }
    return times;
  } finally {
    await browser.stop();
  }
}

const median = (times) => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];

const server = await Server.start();
const rows = [];
for (const [path, sign] of PAGES) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await measure(server, path, sign));
  const [first, again] = [0, 1].map((visit) => runs.map((times) => times[visit]));
  rows.push({ path, "first visit, median ms": median(first), "worst ms": Math.max(...first), "again, median ms": median(again) });
}
await server.stop();
console.log(version());
console.table(rows);
process.exit(0);
