import { EverfreshError } from "./errors.js";
import type { WasmSource } from "./types.js";
import type { Core } from "./wasm/everfresh.js";

/** The class that the wasm module exports. */
export type CoreClass = typeof Core;

/** The smallest valid module: a magic number and a version. */
const EMPTY_MODULE = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

let loading: Promise<CoreClass> | undefined;

/**
 * Loads the wasm module: once for the whole page, whoever asks. A failure is not kept, so that a
 * later call can succeed where an earlier one met a dead network.
 */
export function loadCore(source?: WasmSource): Promise<CoreClass> {
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(source: WasmSource | undefined): Promise<CoreClass> {
  requireWebAssembly();
  // Side by side, because each is a round trip.
  const [glue, module] = await Promise.all([importGlue(), compile(source)]);
  try {
    await glue.default({ module_or_path: module });
  } catch (cause) {
    throw new EverfreshError(
      "wasm-unsupported",
      "everfresh: the WebAssembly module could not be started; " +
        "it and the JavaScript beside it may be of different versions",
      { cause },
    );
  }
  return glue.Core;
}

async function importGlue() {
  try {
    return await import("./wasm/everfresh.js");
  } catch (cause) {
    const message = "everfresh: the JavaScript part of the WebAssembly module could not be loaded";
    throw new EverfreshError("wasm-unreachable", message, { cause });
  }
}

async function compile(source: WasmSource | undefined): Promise<WebAssembly.Module> {
  // Bundlers find the file by this expression, and only when it is written exactly so.
  const given = await (source ?? new URL("./wasm/everfresh_bg.wasm", import.meta.url));
  if (given instanceof WebAssembly.Module) return given;
  if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return compileBytes(given, "the given bytes");
  return compileResponse(given instanceof Response ? given : await download(given));
}

async function download(url: string | URL): Promise<Response> {
  try {
    return await fetch(url, { credentials: "same-origin" });
  } catch (cause) {
    throw new EverfreshError(
      "wasm-unreachable",
      `everfresh: ${String(url)} could not be fetched: the network is down, ` +
        "or the page's Content-Security-Policy does not allow it (connect-src)",
      { cause },
    );
  }
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new EverfreshError("wasm-unreachable", `everfresh: ${response.url} answered ${response.status}`);
  }
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  // Streaming refuses every other type. Servers that do not know the type get the slower way below.
  if (type === "application/wasm" && typeof WebAssembly.compileStreaming === "function") {
    return WebAssembly.compileStreaming(response).catch((cause: unknown) => {
      throw compileFailure(response.url, cause);
    });
  }
  let bytes: ArrayBuffer;
  try {
    bytes = await response.arrayBuffer();
  } catch (cause) {
    throw new EverfreshError("wasm-unreachable", `everfresh: the download of ${response.url} broke off`, { cause });
  }
  return compileBytes(bytes, `${response.url} (${type ?? "without a content type"})`);
}

async function compileBytes(bytes: BufferSource, what: string): Promise<WebAssembly.Module> {
  const head = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4))
    : new Uint8Array(bytes, 0, Math.min(bytes.byteLength, 4));
  if (head.length < 4 || head.some((byte, index) => byte !== EMPTY_MODULE[index])) {
    // Most often the index page of a single-page app, which its server gives for every unknown path.
    throw new EverfreshError(
      "wasm-invalid",
      `everfresh: ${what} is not a WebAssembly file. The bundler may not have copied it: with a Vite before 8 ` +
        'set optimizeDeps.exclude: ["everfresh"], otherwise pass the address of everfresh/wasm as the option `wasm`',
    );
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw compileFailure(what, cause);
  }
}

function compileFailure(what: string, cause: unknown): EverfreshError {
  return new EverfreshError(
    "wasm-invalid",
    `everfresh: ${what} could not be compiled: the file is damaged, or this browser lacks a feature that it uses`,
    { cause },
  );
}

/**
 * Tells a page that may not compile WebAssembly from a file that is broken, by compiling a module that
 * is certainly valid. The errors themselves differ between engines only in their text.
 */
function requireWebAssembly(): void {
  if (typeof WebAssembly !== "object" || typeof WebAssembly.Module !== "function") {
    throw new EverfreshError("wasm-unsupported", "everfresh: this browser has no WebAssembly");
  }
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    throw new EverfreshError(
      "wasm-blocked",
      "everfresh: this page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to script-src",
      { cause },
    );
  }
}
