import { EverfreshError, mistake } from "./errors.js";
import type { CoreClass } from "./loader.js";
import type { Core } from "./wasm/everfresh.js";
import { startRelay } from "./worker.js";

/**
 * The border to one engine. Whatever goes over it is caught here, whoever called: this side by
 * {@link Boundary.call}, or the browser by a function that the engine gave to it (as a listener, for a
 * timer, for what follows a promise). An engine that trapped is in no known state: it is given up, its
 * locks and sockets are given back, and `broke` is told once.
 */
export class Boundary {
  readonly #core: Core;
  readonly #broke: (error: EverfreshError) => void;
  #alive = true;

  /** Throws an {@link EverfreshError} when the configuration is refused. */
  constructor(
    Engine: CoreClass,
    config: string,
    workerUrl: string | URL | undefined,
    deliver: (batch: string) => void,
    broke: (error: EverfreshError) => void,
  ) {
    this.#broke = broke;
    try {
      this.#core = new Engine(config, {
        deliver: (batch) => {
          if (this.#alive) deliver(batch);
        },
        relay: (hears) => startRelay(workerUrl, hears),
        guard: (callback) => (value) => {
          try {
            return callback(value);
          } catch (cause) {
            this.#break(cause);
            return undefined;
          }
        },
      });
    } catch (cause) {
      throw refusalOf(cause);
    }
  }

  /** Calls the engine. Nothing comes back from one that is broken; what it refuses is thrown. */
  call<Answer>(call: (core: Core) => Answer): Answer | undefined {
    if (!this.#alive) return undefined;
    try {
      return call(this.#core);
    } catch (cause) {
      const error = refusalOf(cause);
      if (error.code !== "core-crashed") throw error;
      this.#break(cause);
      return undefined;
    }
  }

  /** Ends the engine for good. */
  close(): void {
    this.call((core) => core.close());
    // Not here: whoever closes may have been called from within the engine's own call.
    queueMicrotask(() => this.call((core) => core.free()));
  }

  #break(cause: unknown): void {
    // What an engine gave to the browser is called even after it was given up.
    if (!this.#alive) return;
    this.#alive = false;
    try {
      this.#core.abandon();
    } catch {
      // Too broken even for that: its sockets and locks end with the page.
    }
    this.#broke(crash(cause));
  }
}

/**
 * What the engine threw, as an error of ours. It refuses by errors that have a code; whatever else comes
 * out (it trapped, the stack was full, the platform threw where it never does) happened in the middle of
 * something.
 */
function refusalOf(cause: unknown): EverfreshError {
  const { code, path, message } = (cause ?? {}) as { code?: unknown; path?: string; message?: string };
  return code === "bad-option" ? mistake(path ?? "", message ?? "") : crash(cause);
}

function crash(cause: unknown): EverfreshError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new EverfreshError("core-crashed", `the engine stopped: ${message}`, { cause });
}
