// Prints what each part of the npm package costs a visitor: bundled and minified as an app's bundler
// would do it, then raw and with the compression of a good host (brotli, quality 11).
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const pkg = resolve(root, "pkg");
const manifest = JSON.parse(readFileSync(resolve(pkg, "package.json"), "utf8"));

/** The file that an ESM import of this entry of the exports map ends at. */
function entryFile(name) {
  let target = manifest.exports?.[name];
  while (target && typeof target === "object") target = target.import ?? target.browser ?? target.default;
  return target && resolve(pkg, target);
}

/** Entry `file` with all it imports, except what `external` holds back. */
async function bundle(file, external) {
  const result = await build({
    root: pkg,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      minify: true,
      target: "es2022",
      modulePreload: false,
      lib: { entry: file, formats: ["es"], fileName: "entry" },
      rolldownOptions: { external, output: { codeSplitting: false } },
    },
  });
  const outputs = [result].flat().flatMap((one) => one.output);
  return Buffer.from(outputs.filter((one) => one.type === "chunk").map((one) => one.code).join("\n"));
}

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

const peers = [/^react($|\/)/, /^@tanstack\//];
const isGlue = (id) => /(^|\/)wasm\/everfresh\.js$/.test(id);
const core = entryFile(".");

const parts = [
  ["wasm", readFileSync(resolve(pkg, "dist/wasm/everfresh_bg.wasm"))],
  ["glue", await bundle(resolve(pkg, "dist/wasm/everfresh.js"), peers)],
];
if (core) {
  parts.push(["ts core", await bundle(core, (id) => peers.some((peer) => peer.test(id)) || isGlue(id))]);
}
for (const name of ["tanstack", "react"]) {
  const file = entryFile(`./${name}`);
  // What the core brings anyway is not counted again: the modules that both import.
  if (file) {
    const shared = (id) => peers.some((peer) => peer.test(id)) || isGlue(id) || resolve(dirname(file), id) === core;
    parts.push([name, await bundle(file, shared)]);
  }
}

const row = (name, raw, packed) => console.log(`${name.padEnd(10)} ${String(raw).padStart(9)} ${String(packed).padStart(9)}`);
row("part", "raw", "brotli");
let raw = 0;
let packed = 0;
for (const [name, bytes] of parts) {
  const small = brotli(bytes);
  row(name, bytes.length, small);
  raw += bytes.length;
  packed += small;
}
row("together", raw, packed);
