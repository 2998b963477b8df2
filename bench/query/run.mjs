// Drives the page in Chromium, prints the figures and writes them to bench/results/query.json. See README.md.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { root, version as browser } from "../chromium.mjs";

// It looks for these when it is loaded.
const { figures } = await import("./drive.mjs");
const found = await figures();
const version = (name) => JSON.parse(readFileSync(root(`node_modules/${name}/package.json`), "utf8")).version;
const about = {
  date: new Date().toISOString().slice(0, 10),
  browser: browser(),
  queryCore: version("@tanstack/query-core"),
};
mkdirSync(root("bench/results"), { recursive: true });
writeFileSync(root("bench/results/query.json"), `${JSON.stringify({ about, ...found }, null, 2)}\n`);

const rows = Object.entries(found.everfresh).flatMap(([scene, of]) =>
  Object.keys(of).map((figure) => ({ scene, figure, everfresh: of[figure], plain: found.plain[scene][figure] })),
);
console.table(rows);
process.exit(0);
