import type { RelayWorker } from "./wasm/everfresh.js";

/**
 * A worker that has not begun by then does without. It takes some 15 ms; a file that hangs in the network
 * would hold up the connection for as long as it does.
 */
const START_MS = 3000;

/** Those that run in this page. One can also tick for the timers of the page: `everfresh/timers` asks for it. */
export const relays = /* @__PURE__ */ new Set<Worker>();

/** Starts the relay worker. Throws, or says by no bytes that it failed, where the page may have none. */
export function startRelay(url: string | URL | undefined, hears: (batch: Uint8Array) => void): RelayWorker {
  const worker =
    url === undefined
      ? // Bundlers find the file by this expression, and only when it is written exactly so.
        new Worker(new URL("./relay.js", import.meta.url), { type: "module" })
      : new Worker(url, { type: "module" });
  // A policy of the page, a file that is not there, a mistake in it, or a network that hangs.
  const failed = () => {
    relays.delete(worker);
    hears(new Uint8Array());
  };
  const late = setTimeout(failed, START_MS);
  worker.onerror = failed;
  worker.onmessage = ({ data }: MessageEvent<ArrayBuffer | null>) => {
    clearTimeout(late);
    relays.add(worker);
    if (data) hears(new Uint8Array(data));
  };
  return {
    open: (...message) => worker.postMessage(message),
    say: (...message) => worker.postMessage(message),
    wake: (ms) => worker.postMessage(ms),
    end(lastWords) {
      clearTimeout(late);
      relays.delete(worker);
      worker.onmessage = worker.onerror = null;
      if (lastWords) worker.postMessage(null);
      else worker.terminate();
    },
  };
}
