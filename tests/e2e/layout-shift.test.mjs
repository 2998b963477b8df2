// While a page loads, nothing of it that somebody may be reading or reaching for moves.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

/** Each page, what shows that its data is there, and what shows that it is through with loading. */
const PAGES = [
  ["/", "task-item", connected],
  ["/calendar", "block", connected],
  ["/contracts", "step-quests", connected],
  ["/stage", "agreement", equal],
  ["/backends", "backends-tasks", connected],
  ["/backends?shown=calendar", "calendar", connected],
];

const WIDTHS = [1280, 360];

function connected(tab) {
  return tab.data("connection-status", "state").then((state) => state === "connected");
}

function equal(tab) {
  return tab.data("agreement", "state").then((state) => state === "equal");
}

/** What moved, with what moved it: of the page and of the pages in its frames, from their beginning. */
const SHIFTS = `
  const done = arguments[arguments.length - 1];
  const named = ({ node, previousRect: was, currentRect: is }) =>
    (node === null ? "gone" : (node.outerHTML ?? node.textContent).slice(0, 80) + " in " + node.parentElement?.outerHTML.slice(0, 80)) +
    " from " + [was.x, was.y] + " to " + [is.x, is.y];
  const of = (page) => new Promise((resolve) => {
    const observer = new page.PerformanceObserver((list) => resolve(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    // An observer hears of what was before it, if there was anything, in a task of its own.
    page.setTimeout(() => resolve([]), 500);
  });
  const pages = [window, ...[...document.querySelectorAll("iframe")].map((frame) => frame.contentWindow)];
  Promise.all(pages.map(of)).then((all) => done(all.flat().map((entry) => entry.value + ": " + entry.sources.map(named).join("; "))));`;

// Only Chromium tells of it.
describe(`layout shift in ${engine()}`, devtoolsOnly(), () => {
  const here = stage();

  for (const [path, sign, through] of PAGES) {
    for (const width of WIDTHS) {
      test(`${path} moves nothing while it loads, ${width} pixels wide`, async () => {
        // Anything small, so that the page itself loads at its width.
        const tab = await here.browser.open(`${here.server.url}/favicon.svg`);
        await tab.devtools("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
        await tab.go(`${here.server.url}${path}`);
        await eventually("its data is there", () => tab.text(sign), (text) => text !== null);
        await eventually("it is through", () => through(tab));
        assert.deepEqual(await tab.runAsync(SHIFTS), []);
      });
    }
  }

  test("what moves is told", async () => {
    const tab = await here.browser.open(`${here.server.url}/`);
    await eventually("its data is there", () => tab.text("task-item"), (text) => text !== null);
    await tab.run("document.querySelector('main').style.paddingTop = '100px'");
    const told = await eventually("it is told", () => tab.runAsync(SHIFTS), (all) => all.length > 0);
    assert.match(told.join(), /scene/);
  });
});
