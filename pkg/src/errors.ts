/**
 * Every code an {@link EverfreshError} can carry. Decide by these: the text of a message may change.
 *
 * - `option-unknown`, `option-missing`, `option-invalid`: what was passed to `createEverfresh` or to
 *   a method; `path` says where, `expected` what was wanted.
 * - `name-in-use`: another instance of that name is open with other options.
 * - `provider-missing`: a hook was used outside of `<EverfreshProvider>`.
 * - `wasm-unsupported`: the browser has no WebAssembly, or lacks a feature that the module uses.
 * - `wasm-blocked`: the page's Content-Security-Policy forbids WebAssembly.
 * - `wasm-unreachable`: the file could not be fetched.
 * - `wasm-invalid`: what came is not the WebAssembly file.
 * - `core-refused`, `core-crashed`: the engine refused its configuration, or stopped.
 * - `listener-threw`, `route-threw`, `route-invalid`: a function of the app failed; nothing else did.
 * - `closed`: the instance was closed.
 */
export type EverfreshErrorCode =
  | "option-unknown"
  | "option-missing"
  | "option-invalid"
  | "name-in-use"
  | "provider-missing"
  | "wasm-unsupported"
  | "wasm-blocked"
  | "wasm-unreachable"
  | "wasm-invalid"
  | "core-refused"
  | "core-crashed"
  | "listener-threw"
  | "route-threw"
  | "route-invalid"
  | "closed";

/** What an {@link EverfreshError} may say beside its code and message. */
export interface EverfreshErrorDetails {
  path?: string | undefined;
  expected?: string | undefined;
  cause?: unknown;
}

/** The one class of error that this package throws, rejects with and reports. */
export class EverfreshError extends Error {
  override readonly name = "EverfreshError";
  /** What went wrong, for code to decide by. */
  readonly code: EverfreshErrorCode;
  /** Where in the options it went wrong, such as `events.task_updated[0]`. */
  readonly path: string | undefined;
  /** What was expected there. */
  readonly expected: string | undefined;

  constructor(code: EverfreshErrorCode, message: string, details: EverfreshErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.expected = details.expected;
  }
}
