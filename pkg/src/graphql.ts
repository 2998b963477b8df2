import { notJson } from "./keys.js";
import { each, invalid, members, parseUrl } from "./options.js";

const KNOWN = "kind url ladder maxAttempts connect subscriptions";
const KNOWN_OF_SUBSCRIPTION = "query variables operationName event data";

/** Reads a backend that is a server of GraphQL. */
export function parseGraphQl(value: unknown, base: string | undefined): { [option: string]: unknown } {
  const { url, subscriptions, ...rest } = members(value, "backend", KNOWN);
  const read = (one: unknown, path: string) => members(one, path, KNOWN_OF_SUBSCRIPTION);
  const backend = { ladder: ["ws"], ...rest, subscriptions: subscriptions && each(subscriptions, "backend.subscriptions", read) };
  const where = notJson(backend, "backend");
  if (where !== undefined) throw invalid(where, "a value that JSON can hold; a token stands there as $token", undefined);
  return { ...backend, url: parseUrl(url, base) };
}
