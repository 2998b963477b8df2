/** Why a mutation was not taken, or how it ended without being done. */
export type MutationFailure =
  | "quota"
  | "blocked"
  | "full"
  | "too-large"
  | "user"
  | "bad"
  | "rejected"
  | "exhausted"
  | "superseded"
  | "server"
  | "discarded"
  | "detached";

/** Why a call of the queue was refused. */
export type QueueFailure = "quota" | "blocked" | "full" | "too-large" | "user" | "not-there" | "bad";

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
 * - `core-refused`, `core-crashed`: the engine refused a call, or stopped.
 * - `needs-login`: thrown by an app's `getToken`, when there has to be a login first.
 * - `mutation-quota`: the storage is full. `mutation-blocked`: it may not be used. `mutation-full`: as many
 *   wait as may. `mutation-too-large`, `mutation-bad`: it cannot be stored. `mutation-user`: another user is
 *   here. None of these was accepted.
 * - `mutation-rejected`: the server will never do it. `mutation-exhausted`: it was tried as often as it may be.
 * - `mutation-superseded`: a newer one replaced it. `mutation-server`: a conflict was settled for the other
 *   side. `mutation-discarded`: it was given up by hand. `mutation-detached`: its user has left, and it goes
 *   on when that one is back.
 * - `queue-…`: the same about calls of the queue; `queue-not-there`: that is not there, or not in such a state.
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
  | "needs-login"
  | `mutation-${MutationFailure}`
  | `queue-${QueueFailure}`
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

/** The class of all errors that this package throws, rejects with and reports. */
export class EverfreshError extends Error {
  /** What went wrong, for code to decide by. */
  readonly code: EverfreshErrorCode;
  /** Where in the options it went wrong, such as `events.task_updated[0]`. */
  readonly path: string | undefined;
  /** What was expected there. */
  readonly expected: string | undefined;

  constructor(code: EverfreshErrorCode, message: string, details: EverfreshErrorDetails = {}) {
    super(`everfresh: ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "EverfreshError";
    this.code = code;
    this.path = details.path;
    this.expected = details.expected;
  }
}

/** Something that the app gave is not what it has to be. */
export function mistake(path: string, expected: string, got = ""): EverfreshError {
  const where = path === "" ? "the options" : `\`${path}\``;
  return new EverfreshError("option-invalid", `${where}: expected ${expected}${got}`, { path, expected });
}

/** That a mutation was not taken, or ended without being done. */
export class MutationError extends EverfreshError {
  /** Its id, if it had been accepted. */
  readonly id: string | undefined;
  /** The HTTP status, if the server answered. */
  readonly status: number | undefined;
  /** What the server answered. */
  readonly body: unknown;

  constructor(failure: MutationFailure, message: string, about: { id?: string; status?: number; body?: unknown } = {}) {
    super(`mutation-${failure}`, message);
    this.name = "MutationError";
    this.id = about.id;
    this.status = about.status;
    this.body = about.body;
  }
}
