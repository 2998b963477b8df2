// How long the demo's pages take until somebody can use them: their data is there, and no long task runs. And how long it takes
// until a block that one person has moved is seen by another. See README.md.

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

/** Milliseconds since 1970, of the clock that both tabs share and nobody sets. */
const NOW = "(performance.timeOrigin + performance.now())";
const BLOCK = (title) => `[data-testid='block']:has([data-title='${title}'])`;
const MOVED = "Write the landing page";
const QUARTER = 15 * 60_000;

/** Two people, each with a connection of their own. One moves a block by a quarter of an hour, again and again. */
async function moves(server, count) {
  const browser = await Browser.start();
  try {
    const ana = await browser.open(`${server.url}/calendar`);
    const ben = await browser.open(`${server.url}/calendar?as=ben`);
    const startOf = (tab) => tab.run(`return Number(document.querySelector("${BLOCK(MOVED)}")?.dataset.start ?? 0)`);
    for (const tab of [ana, ben]) {
      await tab.untilStatus("connected");
      await eventually("the block is there", () => startOf(tab));
    }
    await ana.run(`addEventListener("keydown", ({ key }) => { if (key === "Enter") window.put = ${NOW}; }, true)`);
    const times = [];
    for (let move = 0; move < count; move += 1) {
      // What is owed after the connection and after the last move is over.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const [key, by] = move % 2 === 0 ? ["\uE015", QUARTER] : ["\uE013", -QUARTER];
      const wanted = (await startOf(ben)) + by;
      await ben.run(`window.seen = undefined;
        const there = () => Number(document.querySelector("${BLOCK(MOVED)}")?.dataset.start) === ${wanted};
        const watch = new MutationObserver(() => { if (there()) { watch.disconnect(); requestAnimationFrame(() => { window.seen = ${NOW}; }); } });
        watch.observe(document, { childList: true, subtree: true, attributes: true });`);
      await ana.fill(`${BLOCK(MOVED)} button`, `\uE007${key}\uE007`);
      const seen = await eventually("Ben sees it", () => ben.run("return window.seen ?? null"));
      times.push(Math.round(seen - (await ana.run("return window.put"))));
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
const seen = await moves(server, 2 * RUNS);
await server.stop();
console.log(version());
console.table(rows);
console.table([{ "a move, seen by another": "", "median ms": median(seen), "worst ms": Math.max(...seen), moves: seen.length }]);
process.exit(0);
