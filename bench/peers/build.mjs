// A page of each contestant: bundled and minified as an app would be, with everything that its client needs in the download.

import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { rolldown } from "rolldown";

const here = (path) => new URL(path, import.meta.url).pathname;
const PACKAGE = here("../../pkg/dist");

export async function contestants(folder = "contestants") {
  const files = await readdir(here(`page/${folder}`));
  const names = files.filter((file) => file.endsWith(".js")).map((file) => basename(file, ".js"));
  // The floor, ours, and the peers.
  const rank = (name) => (name.startsWith("raw") ? 0 : name.startsWith("everfresh") ? 1 : 2);
  return names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

async function bundle(input, alias) {
  const build = await rolldown({
    input,
    platform: "browser",
    resolve: { alias: { everfresh: join(PACKAGE, "index.js"), "everfresh/tanstack": join(PACKAGE, "tanstack.js"), ...alias } },
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
    logLevel: "silent",
  });
  const { output } = await build.generate({ format: "es", minify: true });
  await build.close();
  return output;
}

/** What ours loads beside the code of the page, and what of its code it loads in no page of these: what is for pages without
 * WebAssembly, and the JavaScript beside the other modules. */
const OURS = {
  everfresh: { files: ["wasm/everfresh_core_bg.wasm", "relay.js"], unused: /^(fallback|everfresh(?!_core-))/ },
  "everfresh-socketio": { files: ["wasm/everfresh_socketio_bg.wasm", "relay.js"], unused: /^(fallback|everfresh(?!_socketio-))/ },
};

/** Builds all pages into a folder. */
export async function build(folder) {
  await mkdir(folder, { recursive: true });
  await cp(PACKAGE, folder, { recursive: true });
  await cp(here("page/index.html"), join(folder, "index.html"));
  await pages(folder, "harness", "contestants", "");
  await pages(folder, "harness", "tabs", "");
  await pages(folder, "queue", "queues", "queue-");
}

/** A page of each contestant of a folder: what is measured, bundled with it. */
async function pages(folder, harness, of, prefix) {
  for (const name of await contestants(of)) {
    const output = await bundle(here(`page/${harness}.js`), { contestant: here(`page/${of}/${name}.js`) });
    for (const chunk of output) {
      const file = chunk.isEntry ? `${prefix}${name}.js` : chunk.fileName;
      await writeFile(join(folder, file), chunk.type === "chunk" ? chunk.code : chunk.source);
    }
  }
}

const squeezed = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length;

/** What a visitor downloads for each client, without TanStack Query, in bytes of brotli. */
export async function downloads(folder, names, of = "contestants") {
  const sizes = {};
  for (const name of names) {
    const output = await bundle(here(`page/${of}/${name}.js`), {});
    const { files = [], unused } = OURS[name] ?? {};
    const code = output.filter((chunk) => chunk.type === "chunk" && (chunk.isEntry || !unused?.test(chunk.fileName))).map((chunk) => Buffer.from(chunk.code));
    const parts = [...code, ...(await Promise.all(files.map((file) => readFile(join(folder, file)))))];
    sizes[name] = parts.reduce((sum, part) => sum + squeezed(part), 0);
  }
  return sizes;
}
