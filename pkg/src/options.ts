import { EverfreshError } from "./errors.js";
import { notJson, toKey } from "./keys.js";
import type { EverfreshOptions, Family, LiveEvent, QueryKey, Transport, WasmSource } from "./types.js";

/** The part of the options that goes to the engine, as it is written in JSON. */
export interface CoreConfig {
  name: string;
  user: string | null;
  backend: { kind: "everfresh"; url: string; ladder: readonly Transport[] };
  channels: string[];
  events: Record<string, readonly QueryKey[]>;
}

/** A route that is a function. It stays on this side of the wasm border. */
export type RouteFunction = (data: unknown, event: LiveEvent) => unknown;

/** Options after every one of them was checked. */
export interface ParsedOptions {
  config: CoreConfig;
  routes: ReadonlyMap<string, RouteFunction>;
  wasm: WasmSource | undefined;
}

const KNOWN = ["name", "user", "backend", "channels", "events", "wasm"];
const KNOWN_OF_BACKEND = ["kind", "url", "ladder"];
const LADDER: readonly Transport[] = ["ws", "sse", "poll"];
const KINDS = ["everfresh"];
/** docs/protocol.md: a channel's name is at most 255 bytes. Names of instances and events keep to it too. */
const LONGEST_NAME = 255;
/** The engine follows no more at a time; the native server takes no more either. */
const MOST_CHANNELS = 50;
/**
 * A route that no event can take, because no event has such a name. The engine marks the families of
 * all routes when events may have been missed. Which those of a function would have been cannot be
 * known then, so this one stands for it with the prefix of every key.
 */
const ROUTE_OF_FUNCTIONS = "\u0000functions";

/**
 * Reads the options of `createEverfresh`, or throws an `EverfreshError` that says where they are
 * wrong and what was expected there.
 *
 * @param base the address that a relative backend url starts from; `undefined` on a server, where
 * nothing is dialled and a relative url is left as it is.
 */
export function parseOptions(options: EverfreshOptions<any>, base: string | undefined): ParsedOptions {
  if (!isObject(options)) throw invalid("", "an object of options", options);
  refuseUnknown(options, KNOWN, "");
  const routes = new Map<string, RouteFunction>();
  const config: CoreConfig = {
    name: options.name === undefined ? "default" : parseName(options.name, "name"),
    user: parseUser(options),
    backend: parseBackend(options.backend, base),
    channels: parseChannels(options.channels),
    events: parseEvents(options.events, routes),
  };
  return { config, routes, wasm: options.wasm };
}

/** Checks a name of a channel, an event or an instance. */
export function parseName(value: unknown, path: string): string {
  const expected = `a name of 1 to ${LONGEST_NAME} bytes without control characters`;
  if (typeof value !== "string" || value === "") throw invalid(path, expected, value);
  if (/[\u0000-\u001f\u007f-\u009f]/.test(value)) throw invalid(path, expected, value);
  if (new TextEncoder().encode(value).length > LONGEST_NAME) throw invalid(path, expected, value);
  return value;
}

/** Checks a list of families, as a route holds it and `invalidate` takes it. */
export function parseFamilies(value: unknown, path: string): readonly QueryKey[] {
  if (!Array.isArray(value)) throw invalid(path, 'a list of families, such as ["tasks"] or [["tasks", 5]]', value);
  return value.map((family: unknown, index) => parseFamily(family, `${path}[${index}]`));
}

function parseFamily(value: unknown, path: string): QueryKey {
  if (typeof value !== "string" && !Array.isArray(value)) {
    throw invalid(path, "a family: a string, or a query key in brackets of its own", value);
  }
  const key = toKey(value as Family);
  const where = notJson(key, path);
  if (where !== undefined) throw invalid(where, "a value that JSON can hold", key);
  return key;
}

function parseUser(options: object): string | null {
  if (!("user" in options) || options.user === undefined) {
    throw new EverfreshError(
      "option-missing",
      "everfresh: `user` is missing: give the id of whoever is logged in, or null before login",
      { path: "user", expected: "a string, or null" },
    );
  }
  const { user } = options;
  if (user !== null && (typeof user !== "string" || user === "")) {
    throw invalid("user", "a string that is not empty, or null", user);
  }
  return user;
}

function parseBackend(value: unknown, base: string | undefined): CoreConfig["backend"] {
  if (value === undefined) {
    throw new EverfreshError(
      "option-missing",
      'everfresh: `backend` is missing, for example { kind: "everfresh", url: "/live" }',
      { path: "backend", expected: "an object with kind and url" },
    );
  }
  if (!isObject(value)) throw invalid("backend", "an object with kind and url", value);
  refuseUnknown(value, KNOWN_OF_BACKEND, "backend");
  const { kind, url, ladder } = value as { kind?: unknown; url?: unknown; ladder?: unknown };
  if (kind !== "everfresh") throw invalid("backend.kind", oneOf(KINDS), kind);
  return { kind, url: parseUrl(url, base), ladder: parseLadder(ladder) };
}

function parseLadder(value: unknown): readonly Transport[] {
  if (value === undefined) return LADDER;
  const rungs: readonly unknown[] = Array.isArray(value) ? value : [];
  const known = rungs.every((rung) => LADDER.includes(rung as Transport));
  if (rungs.length === 0 || !known || new Set(rungs).size < rungs.length) {
    throw invalid("backend.ladder", `some of ${LADDER.map((rung) => `"${rung}"`).join(", ")}, each once`, value);
  }
  return rungs as readonly Transport[];
}

function parseUrl(value: unknown, base: string | undefined): string {
  const expected = "a ws, wss, http or https url without fragment or credentials, or a path on this host";
  if (typeof value === "string" ? value === "" : !(value instanceof URL)) throw invalid("backend.url", expected, value);
  let url: URL;
  try {
    url = new URL(value as string | URL, base);
  } catch {
    if (base === undefined && typeof value === "string") return value;
    throw invalid("backend.url", expected, value);
  }
  // Browsers older than this rule throw on http in `new WebSocket`, so it is written as ws here.
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  const usable = url.protocol === "ws:" || url.protocol === "wss:";
  if (!usable || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw invalid("backend.url", expected, value);
  }
  return url.href;
}

function parseChannels(value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid("channels", "a list of channel names", value);
  const names = value.map((name: unknown, index) => parseName(name, `channels[${index}]`));
  const distinct = [...new Set(names)];
  if (distinct.length > MOST_CHANNELS) throw invalid("channels", `at most ${MOST_CHANNELS} channels`, value);
  return distinct;
}

function parseEvents(value: unknown, routes: Map<string, RouteFunction>): CoreConfig["events"] {
  if (value === undefined) return {};
  if (!isObject(value)) throw invalid("events", "an object of routes by event name", value);
  const events: CoreConfig["events"] = {};
  for (const [name, route] of Object.entries(value)) {
    const path = member("events", name);
    parseName(name, path);
    if (route === undefined) continue;
    if (typeof route === "function") routes.set(name, route as RouteFunction);
    else if (Array.isArray(route)) setOwn(events, name, parseFamilies(route, path));
    else throw invalid(path, "a list of families, or a function that returns one", route);
  }
  if (routes.size > 0) events[ROUTE_OF_FUNCTIONS] = [[]];
  return events;
}

/** Sets a property even when it is called `__proto__`, which an assignment would take for the prototype. */
function setOwn<Value>(target: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
}

function refuseUnknown(value: object, known: readonly string[], path: string): void {
  const name = Object.keys(value).find((key) => !known.includes(key));
  if (name === undefined) return;
  const where = path === "" ? name : member(path, name);
  const expected = oneOf(known);
  throw new EverfreshError("option-unknown", `everfresh: there is no option \`${where}\`; expected ${expected}`, {
    path: where,
    expected,
  });
}

function invalid(path: string, expected: string, got: unknown): EverfreshError {
  const where = path === "" ? "the options" : `\`${path}\``;
  return new EverfreshError("option-invalid", `everfresh: ${where}: expected ${expected}, got ${describe(got)}`, {
    path,
    expected,
  });
}

/** A value in a few words. Never its contents beyond a short string: options may hold secrets. */
function describe(value: unknown): string {
  if (typeof value === "string") {
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (value === null || value === undefined) return String(value);
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function member(path: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? `"${names[0]}"` : `one of ${names.map((name) => `"${name}"`).join(", ")}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
