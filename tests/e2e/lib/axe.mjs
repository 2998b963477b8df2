// The rules of axe: names, contrast, order of headings, what a screen reader is told.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const axe = await readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** What a page breaks of them, or a part of it, in words. */
export function brokenRules(tab, within) {
  return tab.runAsync(
    `${axe}
    const done = arguments[arguments.length - 1];
    // The tabs on the stage are pages of their own.
    axe.run(arguments[0] ?? document, { iframes: false }).then(
      ({ violations }) => done(violations.map(({ id, help, nodes }) => id + ": " + help + ": " + nodes.map(({ html }) => html.slice(0, 200)).join(", "))),
      (error) => done([String(error)]));`,
    within,
  );
}
