/*
 * What the package asks of the wasm glue. The real files are built into dist/wasm beside the
 * compiled TypeScript; this declaration lets the sources compile before they exist, and
 * test/types/glue.ts compares the two.
 */

/** Where the wasm module comes from. */
export type ModuleSource = URL | Response | BufferSource | WebAssembly.Module;

/** Makes the module ready. Later calls return at once. */
export default function init(options: {
  module_or_path: ModuleSource | Promise<ModuleSource>;
}): Promise<unknown>;

/** The engine and its browser shell. */
export class Core {
  /** Throws an `Error` with `code` and `path` when the configuration is refused. */
  constructor(config: string, deliver: (batch: string) => void);
  start(): void;
  command(json: string): void;
  snapshot(): string;
  close(): void;
  free(): void;
}
