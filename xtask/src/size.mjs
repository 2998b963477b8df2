// Prints what each part of the npm package costs a visitor: bundled and minified as an app's bundler
// would do it, then raw and with the compression of a good host (brotli, quality 11). `react` and
// `tanstack` are what they add to an app that has the core already.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";

const pkg = resolve(import.meta.dirname, "../../pkg");
const manifest = JSON.parse(readFileSync(resolve(pkg, "package.json"), "utf8"));
const glue = resolve(pkg, "dist/wasm/everfresh.js");

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

const peers = [/^react($|\/)/, /^@tanstack\//];
const withoutGlue = [...peers, /\/wasm\/everfresh\.js$/];
const core = entryFile(".");
const coreSize = sizes(await bundle([core], withoutGlue));
const added = async (name) => minus(sizes(await bundle([core, entryFile(name)], withoutGlue)), coreSize);

const parts = {
  wasm: sizes(readFileSync(resolve(pkg, "dist/wasm/everfresh_bg.wasm"))),
  glue: sizes(await bundle([glue], peers)),
  "ts core": coreSize,
  tanstack: await added("./tanstack"),
  react: await added("./react"),
};
const row = (name, raw, packed) => console.log(`${name.padEnd(10)} ${String(raw).padStart(9)} ${String(packed).padStart(9)}`);
row("part", "raw", "brotli");
let total = { raw: 0, packed: 0 };
for (const [name, { raw, packed }] of Object.entries(parts)) {
  row(name, raw, packed);
  total = { raw: total.raw + raw, packed: total.packed + packed };
}
row("together", total.raw, total.packed);
