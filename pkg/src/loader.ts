import { EverfreshError } from "./errors.js";
import type { EverfreshErrorCode } from "./errors.js";
import type { ModuleSource, WasmSource } from "./types.js";
import type { Core } from "./wasm/everfresh.js";

/** The class that the wasm module exports. */
export type CoreClass = typeof Core;

/** The smallest valid module: a magic number and a version. */
const EMPTY_MODULE = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/** The modules, by what each has beside the core: a page downloads the smallest one that has what its options need. */
const MODULES = {
  core: [() => import("./wasm/everfresh_core.js"), () => new URL("./wasm/everfresh_core_bg.wasm", import.meta.url)],
  queue: [() => import("./wasm/everfresh_queue.js"), () => new URL("./wasm/everfresh_queue_bg.wasm", import.meta.url)],
  rooms: [() => import("./wasm/everfresh_rooms.js"), () => new URL("./wasm/everfresh_rooms_bg.wasm", import.meta.url)],
  socketio: [() => import("./wasm/everfresh_socketio.js"), () => new URL("./wasm/everfresh_socketio_bg.wasm", import.meta.url)],
  socketioQueue: [() => import("./wasm/everfresh_socketio_queue.js"), () => new URL("./wasm/everfresh_socketio_queue_bg.wasm", import.meta.url)],
  phoenix: [() => import("./wasm/everfresh_phoenix.js"), () => new URL("./wasm/everfresh_phoenix_bg.wasm", import.meta.url)],
  phoenixQueue: [() => import("./wasm/everfresh_phoenix_queue.js"), () => new URL("./wasm/everfresh_phoenix_queue_bg.wasm", import.meta.url)],
  centrifugo: [() => import("./wasm/everfresh_centrifugo.js"), () => new URL("./wasm/everfresh_centrifugo_bg.wasm", import.meta.url)],
  centrifugoQueue: [() => import("./wasm/everfresh_centrifugo_queue.js"), () => new URL("./wasm/everfresh_centrifugo_queue_bg.wasm", import.meta.url)],
  plain: [() => import("./wasm/everfresh_plain.js"), () => new URL("./wasm/everfresh_plain_bg.wasm", import.meta.url)],
  plainQueue: [() => import("./wasm/everfresh_plain_queue.js"), () => new URL("./wasm/everfresh_plain_queue_bg.wasm", import.meta.url)],
  wires: [() => import("./wasm/everfresh_wires.js"), () => new URL("./wasm/everfresh_wires_bg.wasm", import.meta.url)],
  wiresQueue: [() => import("./wasm/everfresh_wires_queue.js"), () => new URL("./wasm/everfresh_wires_queue_bg.wasm", import.meta.url)],
  all: [() => import("./wasm/everfresh.js"), () => new URL("./wasm/everfresh_bg.wasm", import.meta.url)],
  // Bundlers find the files by these expressions, and only when they are written exactly so.
} as const;

/** What an instance needs of the engine. */
export type Parts = keyof typeof MODULES;

/** What is needed for each kind of backend that does not speak our own protocol. */
const WIRES: Readonly<Record<string, "socketio" | "phoenix" | "centrifugo" | "plain">> = {
  socketio: "socketio",
  phoenix: "phoenix",
  supabase: "phoenix",
  centrifugo: "centrifugo",
  json: "plain",
  sse: "plain",
  graphql: "plain",
};

/** The module for an instance: for its kind of backend or for several of them, with mutations, with rooms, or with everything. */
export function partsWith(kind: string, needs: { queue: boolean; layers: boolean; rooms: boolean; record: boolean }): Parts {
  const wire = needs.layers ? "wires" : Object.hasOwn(WIRES, kind) ? WIRES[kind] : undefined;
  // Rooms over another wire are rarer than a module for each of them is worth.
  if (needs.record || (needs.rooms && wire !== undefined)) return "all";
  if (needs.rooms) return "rooms";
  if (wire !== undefined) return needs.queue ? `${wire}Queue` : wire;
  return needs.queue ? "queue" : "core";
}

const loading = new Map<Parts, Promise<CoreClass>>();

/** Whether the app began to load a module by itself, which is the one with every part. */
let chosen = false;

/**
 * Loads the WebAssembly module from where it is, before the first instance needs it and instead of from where
 * the bundler put it. The first call counts, for the whole page; the option `wasm` does the same.
 *
 * ```ts
 * await init({ url: "/assets/everfresh_bg.wasm" });
 * ```
 */
export async function init(source?: ModuleSource): Promise<void> {
  await loadCore(source);
}

/**
 * Loads the wasm module: once for the whole page, whoever asks. A failure is not kept, so that a
 * later call can succeed where an earlier one met a dead network.
 */
export function loadCore(source?: WasmSource, needs?: Parts): Promise<CoreClass> {
  chosen ||= source !== undefined || needs === undefined;
  const parts = chosen ? "all" : (needs ?? "all");
  let core = loading.get(parts);
  if (core === undefined) {
    core = load(source, parts).catch((error: unknown) => {
      loading.delete(parts);
      throw error;
    });
    loading.set(parts, core);
  }
  return core;
}

async function load(source: WasmSource | undefined, parts: Parts): Promise<CoreClass> {
  requireWebAssembly();
  // Side by side, because each is a round trip.
  const [importGlue, file] = MODULES[parts];
  const [glue, module] = await Promise.all([
    importGlue().catch(failed("unreachable", "the JavaScript beside the module could not be loaded")),
    compile(source ?? file()),
  ]);
  await glue
    .default({ module_or_path: module })
    .catch(failed("unsupported", "the module did not start; is the JavaScript beside it of the same version?"));
  return glue.Core;
}

async function compile(given: WasmSource): Promise<WebAssembly.Module> {
  if (typeof given === "string" || given instanceof URL) return download(given);
  if ("module" in given) return given.module;
  if ("url" in given) return download(given.url);
  const { bytes } = given;
  return compileBytes(await (typeof bytes === "function" ? bytes() : bytes), "what was given");
}

async function download(url: string | URL): Promise<WebAssembly.Module> {
  const response = await fetch(url, { credentials: "same-origin" }).catch(
    failed("unreachable", `${url} could not be fetched: no network, or no connect-src for it in the Content-Security-Policy`),
  );
  if (!response.ok) throw broken("unreachable", `${url} answered ${response.status}`);
  const type = response.headers.get("content-type") ?? "";
  // Streaming refuses every other type. Servers that do not know the type get the slower way below.
  if (/^application\/wasm *(;|$)/i.test(type) && WebAssembly.compileStreaming) {
    return WebAssembly.compileStreaming(response).catch(uncompiled(url));
  }
  const bytes = await response.arrayBuffer().catch(failed("unreachable", `the download of ${url} broke off`));
  return compileBytes(bytes, `${url} (${type})`);
}

async function compileBytes(bytes: BufferSource, what: string): Promise<WebAssembly.Module> {
  const head = new Uint8Array(ArrayBuffer.isView(bytes) ? bytes.buffer : bytes, ArrayBuffer.isView(bytes) ? bytes.byteOffset : 0);
  if (bytes.byteLength < 4 || EMPTY_MODULE.subarray(0, 4).some((byte, index) => byte !== head[index])) {
    // Most often the index page of a single-page app, which its server gives for every unknown path.
    throw broken(
      "invalid",
      `${what} is not a WebAssembly file. The bundler may not have copied it: with a Vite before 8 set ` +
        'optimizeDeps.exclude: ["everfresh"], otherwise pass the address of everfresh/wasm as the option `wasm`',
    );
  }
  return WebAssembly.compile(bytes).catch(uncompiled(what));
}

function uncompiled(what: string | URL): (cause: unknown) => never {
  return failed("invalid", `${what} could not be compiled: it is damaged, or this browser is too old for it`);
}

/**
 * Tells a page that may not compile WebAssembly from a file that is broken, by compiling a module that
 * is certainly valid. The errors themselves differ between engines only in their text.
 */
function requireWebAssembly(): void {
  if (typeof WebAssembly !== "object") throw broken("unsupported", "this browser has no WebAssembly");
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    throw broken("blocked", "the Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to script-src", cause);
  }
}

type Trouble = EverfreshErrorCode extends infer Code ? (Code extends `wasm-${infer Word}` ? Word : never) : never;

function failed(trouble: Trouble, message: string): (cause: unknown) => never {
  return (cause) => {
    throw broken(trouble, message, cause);
  };
}

function broken(trouble: Trouble, message: string, cause?: unknown): EverfreshError {
  return new EverfreshError(`wasm-${trouble}`, message, { cause });
}
