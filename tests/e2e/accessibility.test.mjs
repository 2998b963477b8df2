// Every page of the demo, held against the rules of axe in every engine. How they look at which width and in which
// theme is tried in `appearance.test.mjs`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { brokenRules } from "./lib/axe.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

/** Each page, and what shows that it is there. */
const PAGES = [
  ["/", "task-item"],
  ["/calendar", "block"],
  ["/contracts", "step-quests"],
  ["/stage", "agreement"],
  ["/away?for=60", "away"],
];

describe(`accessibility in ${engine()}`, () => {
  const here = stage();

  for (const [path, sign] of PAGES) {
    test(`${path} breaks no rule`, async () => {
      const tab = await here.browser.open(`${here.server.url}${path}`);
      await eventually("the page is there", () => tab.text(sign), (text) => text !== null);
      assert.deepEqual(await brokenRules(tab), []);
    });
  }
});
