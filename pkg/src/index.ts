import { EverfreshError } from "./errors.js";
import { createInert } from "./inert.js";
import { Live } from "./live.js";
import { parseOptions } from "./options.js";
import type { DeclaredEvents, Everfresh, EverfreshOptions, RegisteredEvents } from "./types.js";

export { EverfreshError } from "./errors.js";
export type { EverfreshErrorCode, EverfreshErrorDetails } from "./errors.js";
// A star, because only then can an app add to `Register` under the name "everfresh".
export type * from "./types.js";

/**
 * The open instances of this page by name. On a server nothing is ever kept here, because one process
 * serves many users there.
 */
const instances = new Map<string, Live>();

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
 * @throws EverfreshError when an option is wrong, or when an instance of that name is open with other
 * options.
 */
export function createEverfresh<Events extends object = RegisteredEvents>(
  options: EverfreshOptions<DeclaredEvents<Events>>,
): Everfresh<Events> {
  const page = typeof window === "object" && typeof document === "object" ? document.baseURI : undefined;
  const parsed = parseOptions(options, page);
  const { name } = parsed.config;
  if (page === undefined) return createInert(name) as unknown as Everfresh<Events>;
  const open = instances.get(name);
  if (open === undefined) {
    const live = new Live(parsed, () => instances.delete(name));
    instances.set(name, live);
    return live as unknown as Everfresh<Events>;
  }
  if (!open.sameAs(parsed)) {
    throw new EverfreshError(
      "name-in-use",
      `everfresh: an instance named "${name}" is open with other options; close() it first, or give this one another name`,
      { path: "name", expected: "a name that is not in use" },
    );
  }
  open.adoptRoutes(parsed);
  return open as unknown as Everfresh<Events>;
}
