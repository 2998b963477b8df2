/*
 * What the package asks of the wasm glue. The real files are built into dist/wasm beside the
 * compiled TypeScript; this declaration lets the sources compile before they exist, and
 * test/types/glue.ts compares the two.
 */

/** Makes the module ready. Later calls return at once. */
export default function init(options: {
  module_or_path: WebAssembly.Module | Promise<WebAssembly.Module>;
}): Promise<unknown>;

/** What an engine gets of this side of the border. */
export interface Host {
  /** Takes a batch of notices (JSON text). Called in a microtask, when nothing of the engine is running. */
  deliver(batch: string): void;
  /**
   * Starts the relay worker, or throws where there is none to be had. `hears` gets what it hands over, and no
   * bytes when it could not begin, or broke.
   */
  relay(hears: (batch: Uint8Array) => void): RelayWorker;
  /** Gives a function that calls `callback` and catches what it throws: the engine broke. */
  guard(callback: (value: unknown) => unknown): (value: unknown) => unknown;
}

/** The worker that holds the socket and the timers. */
export interface RelayWorker {
  /** Opens a socket, with a subprotocol if it is not empty. */
  open(conn: number, url: string, protocol: string): void;
  /** Sends on it; without a text closes it. */
  say(conn: number, text: string): void;
  /** Ticks after so many milliseconds, instead of what was said before. */
  wake(ms: number): void;
  /** Ends it: at once, or when it has sent what it was given. */
  end(lastWords: boolean): void;
}

/** The engine and its browser shell. */
export class Core {
  /** Throws an `Error` with `code` and `path` when the configuration is refused; its message says what was expected. */
  constructor(config: string, host: Host);
  start(): void;
  command(json: string): void;
  snapshot(): string;
  explain(key: string): string | undefined;
  journal(): string;
  history(): string;
  recording(): string | undefined;
  /** Gives back what a broken engine holds of the browser. It must not be used after that. */
  abandon(): void;
  close(): void;
  free(): void;
}
