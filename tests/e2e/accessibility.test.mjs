// Every page of the demo, held against the rules of axe: names, contrast, order of headings, what a screen reader is told.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const axe = await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

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
      const broken = await tab.runAsync(
        `${axe}
        const done = arguments[arguments.length - 1];
        // The tabs on the stage are pages of their own.
        axe.run(document, { iframes: false }).then(
          ({ violations }) => done(violations.map(({ id, help, nodes }) => id + ": " + help + ": " + nodes.map(({ html }) => html.slice(0, 200)).join(", "))),
          (error) => done([String(error)]));`,
      );
      assert.deepEqual(broken, []);
    });
  }
});
