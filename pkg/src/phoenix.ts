import { notJson } from "./keys.js";
import { absolute, ADDRESS, invalid, members, parseUrl } from "./options.js";

const KNOWN = "kind url ladder maxAttempts vsn";
const KNOWN_OF_PHOENIX = `${KNOWN} params token join`;
const KNOWN_OF_SUPABASE = `${KNOWN} apikey channels`;
/** What can happen to a row. */
const TYPES = ["INSERT", "UPDATE", "DELETE"];

/** Reads a backend that is a server of Phoenix. */
export function parsePhoenix(value: unknown, base: string | undefined): { [option: string]: unknown } {
  const { url, params, ...rest } = members(value, "backend", KNOWN_OF_PHOENIX);
  plain(rest["join"], "backend.join");
  const given = params === undefined ? {} : members(params, "backend.params");
  for (const [name, param] of Object.entries(given)) {
    if (!["string", "number", "boolean"].includes(typeof param)) {
      throw invalid(`backend.params.${name}`, "a string, a number or a boolean; a token comes from getToken", param);
    }
  }
  return { ladder: ["ws", "poll"], ...rest, url: address(url, base, "/websocket", given) };
}

/** Reads a backend that is a project of Supabase. */
export function parseSupabase(value: unknown, base: string | undefined): { [option: string]: unknown } {
  const { url, apikey, ...rest } = members(value, "backend", KNOWN_OF_SUPABASE);
  plain(rest["channels"], "backend.channels");
  if (typeof apikey !== "string" || apikey === "") {
    throw invalid("backend.apikey", "the project's publishable or anon key", apikey);
  }
  return { ladder: ["ws", "poll"], ...rest, url: address(url, base, "/realtime/v1/websocket", { apikey }) };
}

/**
 * The routes of a project of Supabase: `postgres:*:public.tasks` stands for every change of a row. A route
 * for one of them goes before.
 */
export function everyChange(events: unknown): unknown {
  if (typeof events !== "object" || events === null || Array.isArray(events)) return events;
  const out: [name: string, route: unknown][] = [];
  for (const [name, route] of Object.entries(events)) {
    const table = /^postgres:\*:(.*)$/s.exec(name)?.[1];
    if (table === undefined) out.push([name, route]);
    else out.unshift(...TYPES.map((type): [string, unknown] => [`postgres:${type}:${table}`, route]));
  }
  return Object.fromEntries(out);
}

/** Where the server listens under an address, with what is put behind it. */
function address(value: unknown, base: string | undefined, path: string, params: Record<string, unknown>): string {
  const url = absolute(value, base, "backend.url", ADDRESS);
  if (typeof url === "string") return url;
  if (!url.pathname.endsWith(path)) url.pathname = url.pathname.replace(/\/*$/, path);
  for (const [name, param] of Object.entries(params)) url.searchParams.set(name, String(param));
  return parseUrl(url, base);
}

function plain(value: unknown, path: string): void {
  const where = notJson(value ?? null, path);
  if (where !== undefined) throw invalid(where, "a value that JSON can hold; a token comes from getToken", value);
}
