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
  /** Gives a function that calls `callback` and catches what it throws: the engine broke. */
  guard(callback: (value: unknown) => unknown): (value: unknown) => unknown;
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
