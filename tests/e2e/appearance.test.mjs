// Every page of the demo, and what can be opened on it, on a phone and on wide screens, light and dark: it breaks no rule
// of axe and nothing sticks out sideways. The pictures are kept in `EVERFRESH_PICTURES`, if that is set, to be looked at.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { brokenRules } from "./lib/axe.mjs";
import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

/** Those of a phone and of a desk are held against the rules; the widest only stretches the same. */
const WIDTHS = [360, 1280, 1600];
const RULED = [360, 1280];
const THEMES = ["light", "dark"];

/** A tab of the stage by itself, as in a window of its own: that of a stage that nobody has open. */
const tabOf = (scene) => `/apart?device=d9&as=ana&stage=none&key=tab-1&scene=${scene}`;

/**
 * The pages: what each is called, its address, what shows that it is there, and what is done to it before it is looked
 * at, which may be nothing.
 */
const PAGES = [
  ["tasks", "/", "task-item"],
  ["calendar", "/calendar", "block"],
  ["contracts", "/contracts", "step-quests"],
  ["stage", "/stage", "agreement", (tab) => until(tab, "agreement", "equal")],
  ["tab-tasks", tabOf("tasks"), "task-item"],
  ["tab-calendar", tabOf("calendar"), "block"],
  ["tab-contracts", tabOf("contracts"), "step-quests"],
  ["tab-freshness", tabOf("tasks"), "task-item", (tab) => press(tab, "view-freshness")],
  ["tab-queue", tabOf("tasks"), "task-item", (tab) => press(tab, "view-queue")],
  ["tab-measured", tabOf("tasks"), "task-item", (tab) => press(tab, "view-measured")],
  ["connection", "/", "task-item", (tab) => press(tab, "connection-status")],
  ["person", "/", "task-item", (tab) => press(tab, "person-button")],
  ["why", "/", "task-item", (tab) => press(tab, "explain-tasks")],
  ["title", "/", "task-item", (tab) => press(tab, "task-rename")],
  ["away", "/away?for=60", "away"],
];

const press = (tab, testId) => tab.run("document.querySelector(`[data-testid='${arguments[0]}']`).click()", testId);
const until = (tab, testId, state) => eventually(`${testId} is ${state}`, () => tab.data(testId, "state"), (seen) => seen === state);

/** What reaches beyond the window's right edge, where it can be scrolled to. */
const OVERHANG = `return document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth`;

async function keep(name, tab, width) {
  const folder = process.env.EVERFRESH_PICTURES;
  if (!folder) return;
  const { value: metrics } = await tab.devtools("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width, height: metrics.cssContentSize.height, scale: 1 };
  const { value } = await tab.devtools("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.png`), Buffer.from(value.data, "base64"));
}

describe(`appearance in ${engine()}`, devtoolsOnly(), () => {
  const here = stage();

  for (const [name, path, sign, before = () => {}] of PAGES) {
    test(`${name}: at all widths and in both themes it breaks no rule, and nothing sticks out`, async () => {
      const tab = await here.browser.open(`${here.server.url}${path}`);
      await eventually("the page is there", () => tab.text(sign), (text) => text !== null);
      await before(tab);
      const wrong = [];
      for (const width of WIDTHS) {
        await tab.devtools("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false });
        for (const value of THEMES) {
          await tab.devtools("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
          // Colours go over by a transition.
          await new Promise((resolve) => setTimeout(resolve, 200));
          await keep(`${name}-${width}-${value}`, tab, width);
          const found = RULED.includes(width) ? await brokenRules(tab) : [];
          const overhang = await tab.run(OVERHANG);
          if (overhang > 0) found.push(`${overhang} pixels stick out`);
          wrong.push(...found.map((one) => `${width} ${value}: ${one}`));
        }
      }
      assert.deepEqual(wrong, []);
    });
  }
});
