// Prints what each part of the npm package costs a visitor: bundled and minified as an app's bundler
// would do it, then raw and with the compression of a good host (brotli, quality 11). A page downloads
// one of the modules, by its options; `react`, `room` and the like are what they add. The hooks of
// the room are counted with the room: a page that uses none of them loads none.
// `fallback` is fetched only where there is no WebAssembly, and instead of it; `relay` is the worker's file, which
// the tab that leads fetches.
//
//   node measure.mjs print
//   node measure.mjs parts NAMED.wasm         and what the module with all is made of
//   node measure.mjs record COMMIT DATE WHY   and writes the figures into the history
//
// It fails if the core is larger than the last line of the history: growth has to be explained.
import { appendFileSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";
import { parts } from "./parts.mjs";

const root = resolve(import.meta.dirname, "../../..");
const pkg = resolve(root, "pkg");
const history = resolve(root, "bench/size-history.tsv");
const manifest = JSON.parse(readFileSync(resolve(pkg, "package.json"), "utf8"));
const built = (file) => resolve(pkg, "dist/wasm", file);

/** The modules, by their parts. */
const WIRES = ["socketio", "phoenix", "centrifugo", "plain", "wires"];
const MODULES = Object.fromEntries([
  ["core", "_core"],
  ["queue", "_queue"],
  ["rooms", "_rooms"],
  ...WIRES.flatMap((wire) => [[wire, `_${wire}`], [`${wire} queue`, `_${wire}_queue`]]),
  ["all", ""],
]);

/** Two compilers of neighbouring versions differ by less than this. */
const TOLERANCE = 1.01;

/** The file that an import of this entry of the exports map ends at. */
function entryFile(name) {
  let target = manifest.exports[name];
  while (target && typeof target === "object") target = target.import ?? target.default;
  if (!target) throw new Error(`pkg/package.json exports no ${name}`);
  return resolve(pkg, target);
}

/** All code that an app loads which uses everything of these files; never the module itself. */
async function bundle(files, external) {
  const entry = "\0everfresh-size";
  const result = await build({
    root: pkg,
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) =>
          id === entry ? files.map((file, i) => `export * as part${i} from ${JSON.stringify(file)};`).join("\n") : undefined,
      },
    ],
    build: {
      write: false,
      minify: true,
      target: "es2022",
      modulePreload: false,
      assetsInlineLimit: 0,
      rolldownOptions: { input: entry, external, preserveEntrySignatures: "strict" },
    },
  });
  const chunks = result.output.filter((one) => one.type === "chunk");
  return Buffer.from(chunks.map((one) => one.code).join("\n"));
}

const sizes = (bytes) => ({
  raw: bytes.length,
  packed: brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length,
});
const minus = (a, b) => ({ raw: a.raw - b.raw, packed: a.packed - b.packed });
const sum = (list) => list.reduce((a, b) => ({ raw: a.raw + b.raw, packed: a.packed + b.packed }));
const row = (name, { raw, packed }) =>
  console.log(`${name.padEnd(24)} ${String(Math.round(raw)).padStart(9)} ${String(Math.round(packed)).padStart(9)}`);

async function download() {
  const peers = [/^react($|\/)/, /^@tanstack\//];
  const withoutGlue = [...peers, /\/wasm\/everfresh(_[a-z_]+)?\.js$/, /\/fallback\.js$/];
  const entry = entryFile(".");
  const typescript = sizes(await bundle([entry], withoutGlue));
  const added = async (name, without = []) =>
    minus(sizes(await bundle([entry, entryFile(name)], [...withoutGlue, ...without])), typescript);
  const react = await added("./react", [/\/room\.js$/]);
  const modules = {};
  for (const [name, end] of Object.entries(MODULES)) {
    modules[`${name}: wasm`] = sizes(readFileSync(built(`everfresh${end}_bg.wasm`)));
    modules[`${name}: glue`] = sizes(await bundle([built(`everfresh${end}.js`)], peers));
  }
  return {
    ...modules,
    typescript,
    tanstack: await added("./tanstack"),
    react,
    room: await added("./room"),
    "room: hooks of react": minus(minus(await added("./react"), react), await added("./room")),
    state: await added("./state"),
    timers: await added("./timers"),
    zustand: await added("./zustand"),
    fallback: sizes(await bundle([resolve(pkg, "dist/fallback.js")], peers)),
    relay: sizes(await bundle([entryFile("./relay")], peers)),
  };
}

/** What the module is made of. The names cost inlining, so the shares are scaled to what is shipped. */
function printParts(named, shipped) {
  const list = [...parts(readFileSync(named))].map(([part, bytes]) => [part, sizes(bytes)]);
  const all = sum(list.map(([, size]) => size));
  list.sort(([, a], [, b]) => b.packed - a.packed);
  console.log("\nthe module with all, by whose code it is");
  for (const [part, { raw, packed }] of list) {
    row(part, { raw: (raw * shipped.raw) / all.raw, packed: (packed * shipped.packed) / all.packed });
  }
}

/** The core's figure in force: that of the last line. */
function inForce() {
  const line = readFileSync(history, "utf8").trimEnd().split("\n").at(-1);
  return Number(line.split("\t")[2]);
}

const [command, ...given] = process.argv.slice(2);
const found = await download();
const pages = Object.keys(MODULES).map((name) => [name, sum([found[`${name}: wasm`], found[`${name}: glue`], found.typescript])]);
const page = Object.fromEntries(pages);
const { core } = page;
console.log(`${"part".padEnd(24)} ${"raw".padStart(9)} ${"brotli".padStart(9)}`);
for (const [name, size] of Object.entries(found)) row(name, size);
for (const [name, size] of pages) row(`a page with ${name}`, size);
if (command === "parts") printParts(given[0], found["all: wasm"]);
if (command === "record") {
  const [commit, date, why] = given;
  const written = ["core: wasm", "core: glue", "all: wasm", "all: glue", "typescript", "tanstack", "react"];
  const recorded = ["core", "all", "queue", "wires", "wires queue", ...WIRES.slice(0, -1), "rooms"];
  const figures = [...recorded.map((name) => page[name]), ...written.map((name) => found[name])].map(({ packed }) => packed);
  appendFileSync(history, [date, commit, ...figures, why].join("\t") + "\n");
} else if (core.packed > inForce() * TOLERANCE) {
  console.log(
    `\nThe core was ${inForce()} bytes and is ${core.packed} now. Make it smaller, or say why it has to be larger: ` +
      '`cargo xtask size --record "why"` writes the new figure into bench/size-history.tsv.',
  );
  process.exitCode = 1;
}
