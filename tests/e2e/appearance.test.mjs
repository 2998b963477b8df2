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
import { StagePage } from "./lib/stage-page.mjs";

/** Those of a phone and of a desk are held against the rules; the widest only stretches the same. */
const WIDTHS = [360, 1280, 1600];
const RULED = [360, 1280];
const THEMES = ["light", "dark"];

/** A tab of the stage by itself, as in a window of its own: that of a stage that nobody has open. */
const tabOf = (scene) => `/apart?device=d9&as=ana&stage=none&key=tab-1&scene=${scene}`;

/**
 * The pages: what each is called, its address, what shows that it is there, what is done to it before it is looked at,
 * which may be nothing, and of what was opened on one that is here already the part that is new.
 */
const PAGES = [
  ["tasks", "/", "task-item"],
  ["calendar", "/calendar", "block"],
  ["contracts", "/contracts", "step-quests"],
  ["stage", "/stage", "agreement", (tab) => until(tab, "agreement", "equal")],
  ["down", "/stage", "agreement", takeDown],
  ["tab-tasks", tabOf("tasks"), "task-item"],
  ["tab-calendar", tabOf("calendar"), "block"],
  ["tab-contracts", tabOf("contracts"), "step-quests"],
  ["tab-freshness", tabOf("tasks"), "task-item", (tab) => press(tab, "view-freshness")],
  ["tab-queue", tabOf("tasks"), "task-item", (tab) => press(tab, "view-queue")],
  ["tab-measured", tabOf("tasks"), "task-item", (tab) => press(tab, "view-measured")],
  ["connection", "/", "task-item", (tab) => press(tab, "connection-status"), "#connection-details"],
  ["person", "/", "task-item", (tab) => press(tab, "person-button"), "#person-menu"],
  ["why", "/", "task-item", (tab) => press(tab, "explain-tasks"), "[data-testid='explain']"],
  ["title", "/", "task-item", (tab) => press(tab, "task-rename"), "[data-testid='task-item']"],
  ["backends", "/backends", "backends-tasks"],
  ["backends-calendar", "/backends?shown=calendar", "calendar"],
  ["away", "/away?for=60", "away"],
];

const press = (tab, testId) => tab.run("document.querySelector(`[data-testid='${arguments[0]}']`).click()", testId);
const until = (tab, testId, state) => eventually(`${testId} is ${state}`, () => tab.data(testId, "state"), (seen) => seen === state);

/** The network of one device goes down, and a change of it waits: the picture of the README. */
async function takeDown(tab) {
  const page = new StagePage();
  page.tab = tab;
  await page.untilEqual(3);
  await page.press("lab-target-d1");
  await page.press("lab-down");
  await page.untilDevice("d1", "is cut off", ({ live }) => !live);
  await page.pressIn("d1", 0, "task-status", 2);
  await eventually("it waits", () => page.textIn("d1", 0, "view-queue"), (text) => text === "Queue1");
}

/** What reaches beyond the window's right edge, where it can be scrolled to. */
const OVERHANG = `return document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth`;

async function keep(name, tab, width) {
  const folder = process.env.EVERFRESH_PICTURES;
  if (!folder) return;
  const { value: metrics } = await tab.devtools("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width, height: metrics.cssContentSize.height, scale: 1 };
  await tab.devtools("Emulation.setScrollbarsHidden", { hidden: true });
  const { value } = await tab.devtools("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.png`), Buffer.from(value.data, "base64"));
}

describe(`appearance in ${engine()}`, devtoolsOnly(), () => {
  const here = stage();

  for (const [name, path, sign, before = () => {}, within] of PAGES) {
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
          const found = RULED.includes(width) ? await brokenRules(tab, within) : [];
          const overhang = await tab.run(OVERHANG);
          if (overhang > 0) found.push(`${overhang} pixels stick out`);
          wrong.push(...found.map((one) => `${width} ${value}: ${one}`));
        }
      }
      assert.deepEqual(wrong, []);
    });
  }
});
