import { EverfreshError, mistake } from "./errors.js";
import { parseGraphQl } from "./graphql.js";
import { notJson, toKey } from "./keys.js";
import { everyChange, parsePhoenix, parseSupabase } from "./phoenix.js";
import type {
  AnyMutation,
  ChannelTokenRequest,
  EverfreshOptions,
  Family,
  LiveEvent,
  MutationOptions,
  QueryKey,
  TokenRequest,
  WasmSource,
} from "./types.js";

/** A route that is a function. It stays on this side of the wasm border. */
export type RouteFunction = (data: unknown, event: LiveEvent) => unknown;

/** Options after a look at everything that the engine cannot see: functions, spelling, and what JSON drops. */
export interface ParsedOptions extends ParsedTokens {
  /** What goes to the engine, which checks the rest. */
  config: {
    name: string;
    user: string | null;
    backend: { kind?: unknown };
    channels?: readonly string[];
    [option: string]: unknown;
  };
  routes: ReadonlyMap<string, RouteFunction>;
  mutations: ReadonlyMap<string, MutationOptions<AnyMutation>>;
  rooms: boolean;
  /** The other backends, after the first one. */
  layers: readonly ParsedLayer[];
  /** The families of the contracts, by name. */
  families: Readonly<Record<string, QueryKey>>;
  /** Events by name, and what they are called on `window`. */
  domEvents: readonly (readonly [event: string, dom: string])[];
  fallback: boolean;
  wasm: WasmSource | undefined;
  workerUrl: URL | string | undefined;
  signal: AbortSignal | undefined;
}

/** The functions of the app that give tokens. */
export interface ParsedTokens {
  getToken: ((request: TokenRequest) => unknown) | undefined;
  getChannelToken: ((request: ChannelTokenRequest) => unknown) | undefined;
}

/** One of the other backends. */
export interface ParsedLayer extends ParsedTokens {
  name: string;
  backend: { kind?: unknown; [option: string]: unknown };
  channels: readonly string[];
}

const KNOWN =
  "name user backend layers getToken channels channelsMax channelIdle events contracts mutations queue record rooms domEvents fallback wasm workerUrl signal";
const KNOWN_OF_BACKEND = "kind url ladder maxAttempts";
const KNOWN_OF_SOCKETIO = `${KNOWN_OF_BACKEND} path namespace auth authenticated`;
const KNOWN_OF_JSON = `${KNOWN_OF_BACKEND} hello welcome refused subscribe unsubscribe subscribed denied event data channel seq ping pong heartbeat tokenParam authCodes`;
const KNOWN_OF_HEARTBEAT = "every send answer";
const KNOWN_OF_SSE = `${KNOWN_OF_BACKEND} replays reset event data channel seq heartbeat tokenParam`;
const KNOWN_OF_CENTRIFUGO = `${KNOWN_OF_BACKEND} connect event data presence delta getChannelToken`;
const KNOWN_OF_ROUTE = "keys as change entity version mutation";
const KNOWN_OF_CONTRACT =
  "key maxAge poll hidden refetchOnFocusAfter idleAfter idlePoll enabled manual reloadKey minInterval probe";
const KNOWN_OF_MUTATION =
  "run lane optimistic invalidates kind coalesce barrier base conflict attempts timeout stops version";
const KNOWN_OF_QUEUE = "maxCount maxBytes parallel volatile";
/**
 * A route that no event can take, because no event has such a name. The engine marks the families of
 * all routes when events may have been missed. Which those of a function would have been cannot be
 * known then, so this one stands for it with the prefix of every key.
 */
export const ROUTE_OF_FUNCTIONS = "\u0000functions";

/**
 * Reads the options of `createEverfresh`, or throws an `EverfreshError` that says where they are
 * wrong and what was expected there. Values are left to the engine, which refuses them in the same way.
 *
 * @param base the address that relative addresses start from; `undefined` on a server, where nothing is
 * dialled and they are left as they are.
 */
export function parseOptions(options: EverfreshOptions<any, any, any>, base: string | undefined): ParsedOptions {
  const { backend, layers: others, getToken, events, contracts, mutations, queue, rooms, domEvents, fallback, wasm, workerUrl, signal, ...plain } = members(
    options,
    "",
    KNOWN,
    "an object of options",
  );
  if (plain["user"] === undefined) {
    throw missing("user", "the id of whoever is logged in, or null before login");
  }
  if (backend === undefined) throw missing("backend", 'an object such as { kind: "everfresh", url: "/live" }');
  const routes = new Map<string, RouteFunction>();
  const parsedBackend = parseBackend(backend, base);
  const layers = parseLayers(others, parsedBackend, base);
  const supabase = [parsedBackend, ...layers.map((layer) => layer.backend)].some(({ kind }) => kind === "supabase");
  const config = {
    name: "default",
    ...(plain as { user: string | null }),
    backend: parsedBackend,
    layers: layers.length === 0 ? undefined : [String(parsedBackend.kind), ...layers.map(({ name }) => name)],
    getToken: getToken !== undefined,
    events: parseEvents(supabase ? everyChange(events) : events, routes),
    contracts: each(contracts, "contracts", (contract, path) => parseContract(contract, path, base)),
    mutations: each(mutations, "mutations", parseMutation),
    queue: queue === undefined ? undefined : members(queue, "queue", KNOWN_OF_QUEUE),
  };
  if (fallback !== undefined && fallback !== "poll" && fallback !== "none") {
    throw invalid("fallback", '"poll" or "none"', fallback);
  }
  return {
    config,
    routes,
    mutations: new Map(Object.entries((mutations ?? {}) as Record<string, MutationOptions<AnyMutation>>)),
    getToken: callable(getToken, "getToken") as ParsedOptions["getToken"],
    getChannelToken: ofChannels(backend),
    rooms: rooms === true,
    layers,
    families: Object.fromEntries(Object.entries(config.contracts).map(([name, { key }]) => [name, key])),
    domEvents: Object.entries(each(domEvents, "domEvents", parseDomEvent)).map(([event, dom]) => [
      event,
      dom === true ? `realtime:${event}` : dom,
    ]),
    fallback: fallback !== "none",
    wasm: wasm as WasmSource | undefined,
    workerUrl: workerUrl === undefined ? undefined : absolute(workerUrl, base, "workerUrl", "the address of everfresh/relay"),
    signal: signal as AbortSignal | undefined,
  };
}

/** Checks that something can be a name of a channel, an event or a mutation. Its length is the engine's business. */
export function parseName(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") throw invalid(path, "a name", value);
  return value;
}

/** Checks a list of families, as a route holds it and `invalidate` takes it. */
export function parseFamilies(value: unknown, path: string): readonly QueryKey[] {
  if (!Array.isArray(value)) throw invalid(path, 'a list of families, such as ["tasks", ["task", 5]]', value);
  return value.map((family: unknown, index) => parseFamily(family, `${path}[${index}]`));
}

/** Checks a family: a string, or a query key. */
export function parseFamily(value: unknown, path: string): QueryKey {
  if (typeof value !== "string" && !Array.isArray(value)) {
    throw invalid(path, "a string, or a query key in brackets of its own", value);
  }
  const key = toKey(value as Family);
  const where = notJson(key, path);
  if (where !== undefined) throw invalid(where, "a value that JSON can hold", key);
  return key;
}

/** Something that the app gave is not what it has to be. */
export function invalid(path: string, expected: string, got: unknown): EverfreshError {
  return mistake(path, expected, `, got ${describe(got)}`);
}

function missing(path: string, expected: string): EverfreshError {
  return new EverfreshError("option-missing", `\`${path}\` is missing: expected ${expected}`, { path, expected });
}

function parseBackend(value: unknown, base: string | undefined): { kind?: unknown; [option: string]: unknown } {
  switch ((value as { kind?: unknown } | null)?.kind) {
    case "socketio":
      return parseSocketIo(value, base);
    case "json":
      return parseJson(value, base, "ws", KNOWN_OF_JSON, KNOWN_OF_HEARTBEAT);
    case "http": {
      const { url = "/", ...rest } = members(value, "backend", "kind url");
      return { ...rest, url: parseUrl(url, base) };
    }
    case "sse":
      return parseJson(value, base, "sse", KNOWN_OF_SSE, "every");
    case "centrifugo":
      return parseCentrifugo(value, base);
    case "graphql":
      return parseGraphQl(value, base);
    case "phoenix":
      return parsePhoenix(value, base);
    case "supabase":
      return parseSupabase(value, base);
  }
  const { url, ...rest } = members(value, "backend", KNOWN_OF_BACKEND);
  return { ladder: ["ws", "sse", "poll"], ...rest, url: parseUrl(url, base) };
}

/** The other backends of an instance. Of their options the first mistake is told under the name of its layer. */
function parseLayers(value: unknown, first: { kind?: unknown }, base: string | undefined): readonly ParsedLayer[] {
  const layers = each(value, "layers", (one, path, name) => {
    const { backend, channels, getToken } = members(one, path, "backend channels getToken");
    if (name === first.kind) throw invalid(path, "another name than the kind of `backend`, by which that one is called", name);
    const { kind } = (backend ?? {}) as { kind?: unknown };
    if (backend === undefined || kind === "http") throw invalid(`${path}.backend`, "a backend that tells of changes", backend);
    if (channels !== undefined && !Array.isArray(channels)) throw invalid(`${path}.channels`, "a list of names of channels", channels);
    try {
      return {
        name: parseName(name, path),
        backend: parseBackend(backend, base),
        channels: ((channels ?? []) as unknown[]).map((channel, index) => parseName(channel, `${path}.channels[${index}]`)),
        getToken: callable(getToken, `${path}.getToken`) as ParsedLayer["getToken"],
        getChannelToken: ofChannels(backend),
      };
    } catch (cause) {
      if (cause instanceof EverfreshError && cause.path?.startsWith("backend")) {
        const { code, expected } = cause;
        const message = cause.message.replace(/^everfresh: /, "").replace("`backend", `\`${path}.backend`);
        throw new EverfreshError(code, message, { path: `${path}.${cause.path}`, expected });
      }
      throw cause;
    }
  });
  return Object.values(layers);
}

function parseSocketIo(value: unknown, base: string | undefined): { [option: string]: unknown } {
  const { url, path = "/socket.io/", ...rest } = members(value, "backend", KNOWN_OF_SOCKETIO);
  const where = notJson(rest["auth"] ?? null, "backend.auth");
  if (where !== undefined) throw invalid(where, "a value that JSON can hold; a token comes from getToken", rest["auth"]);
  if (typeof path !== "string" || !/^\/[^?#]*$/.test(path)) throw invalid("backend.path", "a path that begins with /", path);
  const server = absolute(url, base, "backend.url", ADDRESS);
  if (typeof server === "string") return { ladder: ["ws", "poll"], ...rest, url: server };
  // The libraries take it for a namespace, and people for the path: one of them would wait for nothing.
  if (server.pathname !== "/") {
    throw invalid("backend.url", "the address of the server alone; where it listens is backend.path, a namespace backend.namespace", url);
  }
  server.pathname = path.replace(/\/?$/, "/");
  return { ladder: ["ws", "poll"], ...rest, url: parseUrl(server, base) };
}

/** A server without a protocol: what its messages look like is data. */
function parseJson(value: unknown, base: string | undefined, way: string, known: string, knownOfHeartbeat: string): { [option: string]: unknown } {
  const { url, heartbeat, ...rest } = members(value, "backend", known);
  const backend = { ladder: [way], ...rest, heartbeat: heartbeat && members(heartbeat, "backend.heartbeat", knownOfHeartbeat) };
  const where = notJson(backend, "backend");
  if (where !== undefined) throw invalid(where, "a value that JSON can hold; a token stands there as $token", undefined);
  return { ...backend, url: parseUrl(url, base) };
}

/** A server of Centrifugo, at the address that its own client takes. */
function parseCentrifugo(value: unknown, base: string | undefined): { [option: string]: unknown } {
  const { url, getChannelToken, ...rest } = members(value, "backend", KNOWN_OF_CENTRIFUGO);
  callable(getChannelToken, "backend.getChannelToken");
  const where = notJson(rest["connect"] ?? null, "backend.connect");
  if (where !== undefined) throw invalid(where, "a value that JSON can hold; a token comes from getToken", rest["connect"]);
  return { ladder: ["ws"], ...rest, getChannelToken: getChannelToken && true, url: parseUrl(url, base) };
}

/** The function that gives tokens of channels, of a backend that was read. */
function ofChannels(backend: unknown): ParsedTokens["getChannelToken"] {
  return (backend as Partial<ParsedTokens>).getChannelToken;
}

/** What an address may be. */
export const ADDRESS = "a ws, wss, http or https url, or a path, without fragment and credentials";

/** Reads the address of a socket. */
export function parseUrl(value: unknown, base: string | undefined): string {
  const expected = ADDRESS;
  const url = absolute(value, base, "backend.url", expected);
  // Left as it is only where nothing is dialled.
  if (typeof url === "string") return url;
  // Browsers older than this rule throw on http in `new WebSocket`, so it is written as ws here.
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(url.protocol) || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw invalid("backend.url", expected, value);
  }
  return url.href;
}

/** Makes an address absolute; where nothing is dialled, a relative one is left as it is. */
export function absolute(value: unknown, base: string | undefined, path: string, expected: string): URL | string {
  const text = typeof value === "string" ? value : value instanceof URL ? value.href : "";
  if (text === "") throw invalid(path, expected, value);
  try {
    return new URL(text, base);
  } catch {
    if (base === undefined) return text;
    throw invalid(path, expected, value);
  }
}

function parseEvents(value: unknown, routes: Map<string, RouteFunction>): object {
  const events = each(value, "events", (route, path, name) => {
    parseName(name, path);
    if (typeof route === "function") {
      routes.set(name, route as RouteFunction);
      return undefined;
    }
    if (Array.isArray(route)) return parseFamilies(route, path);
    const expected = "a list of families, an object with keys, or a function";
    const rule = members(route, path, KNOWN_OF_ROUTE, expected);
    return { ...rule, keys: parseFamilies(rule["keys"], `${path}.keys`) };
  });
  if (routes.size > 0) events[ROUTE_OF_FUNCTIONS] = [[]];
  return events;
}

function parseContract(value: unknown, path: string, base: string | undefined): { key: QueryKey; [option: string]: unknown } {
  const { key, probe, ...rest } = members(value, path, KNOWN_OF_CONTRACT);
  return {
    ...rest,
    key: parseFamily(key, `${path}.key`),
    probe: probe === undefined ? undefined : String(absolute(probe, base, `${path}.probe`, "an http or https url")),
  };
}

/** What the engine has to know of a mutation. */
function parseMutation(value: unknown, path: string): object {
  const { run, base, version, conflict, attempts, timeout, stops } = members(value, path, KNOWN_OF_MUTATION);
  if (run === undefined) throw missing(`${path}.run`, "a function");
  callable(run, `${path}.run`);
  callable(base, `${path}.base`);
  return { version, conflict, attempts, timeout, stops };
}

function parseDomEvent(value: unknown, path: string): string | true {
  return value === true ? value : parseName(value, path);
}

function callable(value: unknown, path: string): unknown {
  if (value !== undefined && typeof value !== "function") throw invalid(path, "a function", value);
  return value;
}

/** An object by name, each member of which is read. */
export function each<Read>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string, name: string) => Read | undefined,
): Record<string, Read> {
  // Without a prototype, because a name may be `__proto__`.
  const out: Record<string, Read> = Object.create(null) as Record<string, Read>;
  if (value === undefined) return out;
  for (const [name, one] of Object.entries(members(value, path))) {
    const got = one === undefined ? undefined : read(one, member(path, name), name);
    if (got !== undefined) out[name] = got;
  }
  return out;
}

/** The members of an object, none of which may be unknown. */
export function members(value: unknown, path: string, known?: string, expected = "an object"): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(path, expected, value);
  const names = known?.split(" ");
  const name = names && Object.keys(value).find((key) => !names.includes(key));
  if (name !== undefined) {
    const where = path === "" ? name : member(path, name);
    const oneOf = `one of ${names?.join(", ")}`;
    throw new EverfreshError("option-unknown", `there is no option \`${where}\`; expected ${oneOf}`, {
      path: where,
      expected: oneOf,
    });
  }
  return value as Record<string, unknown>;
}

/** A value in a few words. Never its contents beyond a short string: options may hold secrets. */
function describe(value: unknown): string {
  if (typeof value === "string") {
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  }
  if (Array.isArray(value)) return "an array";
  // Not symbols and big integers, which are nowhere an option.
  return typeof value === "object" && value !== null ? "an object" : typeof value === "function" ? "a function" : String(value);
}

function member(path: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
