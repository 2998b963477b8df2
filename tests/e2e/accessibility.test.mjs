// Every page of the demo, held against the rules of axe. In Chromium `appearance.test.mjs` does so at several widths and in
// both themes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { brokenRules } from "./lib/axe.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, notInChromium } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

/** Each page, and what shows that it is there. */
const PAGES = [
  ["/", "task-item"],
  ["/calendar", "block"],
  ["/contracts", "step-quests"],
  ["/stage", "agreement"],
  ["/backends", "backends-tasks"],
  ["/away?for=60", "away"],
];

describe(`accessibility in ${engine()}`, notInChromium("appearance.test.mjs"), () => {
  const here = stage();

  for (const [path, sign] of PAGES) {
    test(`${path} breaks no rule`, async () => {
      const tab = await here.browser.open(`${here.server.url}${path}`);
      await eventually("the page is there", () => tab.text(sign), (text) => text !== null);
      assert.deepEqual(await brokenRules(tab), []);
    });
  }
});
