import { EverfreshError } from "./errors.js";
import { Live } from "./live.js";
import { parseOptions } from "./options.js";
import type {
  AnyMutation,
  DeclaredContracts,
  DeclaredEvents,
  DeclaredMutations,
  Everfresh,
  EverfreshOptions,
  MutationOptions,
  RegisteredContracts,
  RegisteredEvents,
  RegisteredMutations,
} from "./types.js";

export { EverfreshError, MutationError } from "./errors.js";
export type { EverfreshErrorCode, EverfreshErrorDetails, MutationFailure, QueueFailure } from "./errors.js";
export { init } from "./loader.js";
// A star, because only then can an app add to `Register` under the name "everfresh".
export type * from "./types.js";

/**
 * The open instances of this page by name. On a server nothing is ever kept here, because one process
 * serves many users there.
 */
const instances = /* @__PURE__ */ new Map<string, Live>();

/**
 * Makes an instance and starts it: it loads the engine, joins the other tabs and, if this tab leads
 * them, dials the backend.
 *
 * ```ts
 * const live = createEverfresh({
 *   user: session.userId,
 *   backend: { kind: "everfresh", url: "/live" },
 *   channels: ["tasks"],
 *   events: { task_updated: ["tasks"] },
 * });
 * attach(live, queryClient);
 * ```
 *
 * Called twice with the same options it gives the same instance, until that is closed. Without a page
 * (on a server) it gives one that does nothing.
 *
 * @throws EverfreshError when an option is misspelled, missing or of no use on this side of the engine's
 * border, or when an instance of that name is open with other options. What only the engine can judge makes
 * `ready` reject, with the same kind of error.
 */
export function createEverfresh<
  Events extends object = RegisteredEvents,
  Mutations extends { [Name in keyof Mutations]: AnyMutation } = RegisteredMutations,
  Contracts extends string = RegisteredContracts,
>(
  options: EverfreshOptions<DeclaredEvents<Events>, DeclaredMutations<Mutations>, DeclaredContracts<Contracts>>,
): Everfresh<Events, Mutations, Contracts> {
  const page = typeof window === "object" && typeof document === "object" ? document.baseURI : undefined;
  const parsed = parseOptions(options, page);
  const { name } = parsed.config;
  if (page === undefined) return new Live(parsed) as unknown as Everfresh<Events, Mutations, Contracts>;
  let open = instances.get(name);
  if (open === undefined) {
    open = new Live(parsed, () => instances.delete(name));
    // One that was made with a signal that has aborted is closed already.
    if (!parsed.signal?.aborted) instances.set(name, open);
  } else if (open.sameAs(parsed)) {
    open.adopt(parsed);
  } else {
    throw new EverfreshError(
      "name-in-use",
      `an instance named "${name}" is open with other options; close() it first, or give this one another name. ` +
        "Another user is not another instance: setUser() says who is there",
      { path: "name", expected: "a name that is not in use" },
    );
  }
  return open as unknown as Everfresh<Events, Mutations, Contracts>;
}

/**
 * Types the callbacks of a mutation by its function, which the options alone cannot do:
 *
 * ```ts
 * mutations: {
 *   rename: mutation({
 *     run: (v: { id: string; title: string }, { headers, signal }) => api.rename(v, { headers, signal }),
 *     lane: (v) => v.id,
 *   }),
 * }
 * ```
 */
export function mutation<Run extends AnyMutation>(options: MutationOptions<Run>): MutationOptions<Run> {
  return options;
}
