import type { Family, Route } from "./events.js";
import type { AnyMutation, MutationOptions } from "./mutations.js";

/** Where the live connection goes. */
export type EverfreshBackend = NativeBackend | SocketIoBackend | JsonBackend | SseBackend | PhoenixBackend | SupabaseBackend | CentrifugoBackend | GraphQlBackend | HttpBackend;

/** A server that speaks the package's own protocol, `fresh.v1`. */
export interface NativeBackend {
  kind: "everfresh";
  /**
   * The endpoint. May be relative to the page (`"/live"`); `http` and `https` are read as `ws` and
   * `wss`.
   */
  url: string | URL;
  /**
   * The ways to the server that may be used, the best first: `ws` is a WebSocket, `sse` a stream of events
   * with requests the other way, `poll` requests alone. A lower one is used where the network lets the better
   * one not through, and the better one is tried again from time to time. All three when left out; a server
   * that has WebSockets only wants `["ws"]`.
   */
  ladder?: readonly Transport[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/**
 * A server that speaks Socket.IO, version 3 or later, in Node (`socket.io`) or Python (`python-socketio`).
 * Channels are its namespaces. The token of `getToken` goes into the `auth` of every connection, as `token`.
 */
export interface SocketIoBackend {
  kind: "socketio";
  /** The server's address, without a path: `"https://api.example"`, or `"/"` for the page's own. */
  url: string | URL;
  /** Where the server listens there; `"/socket.io/"` when left out. */
  path?: string;
  /** The namespace that is always connected, and by which the server takes or refuses us; `"/"` when left out. */
  namespace?: string;
  /** What the server is told in `auth` besides the token. */
  auth?: Readonly<Record<string, unknown>>;
  /**
   * The event by which the server says that it knows who we are, if it says so by an event: the page counts as
   * connected only then. Left out, it does as soon as the server has connected the namespace.
   */
  authenticated?: string;
  /**
   * The ways to the server that may be used, the best first: `ws` is a WebSocket, `poll` the HTTP long-polling of the
   * libraries. Both when left out: the second is used where the network lets no WebSocket through, and the first is
   * tried again from time to time. A server with `transports: ["polling"]` wants `["poll"]`.
   */
  ladder?: readonly ("ws" | "poll")[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/**
 * A server that sends JSON over a WebSocket and has no protocol of its own, such as `@app.websocket` of FastAPI.
 * What its messages mean is said here, as data.
 */
export interface JsonBackend {
  kind: "json";
  /** The endpoint. May be relative to the page (`"/ws"`). */
  url: string | URL;
  /** What is said first; `$token` stands for the token. */
  hello?: JsonMessage;
  /** The message by which the server says that it knows who we are. Left out, it does once the connection is open. */
  welcome?: JsonMatch;
  /** The message by which it says that it does not accept who we are. */
  refused?: JsonMatch;
  /** Where an event has its name. `"$.type"`, or else `"$.event"`, when left out. */
  event?: JsonPath;
  /** Where it has its payload; `"$"` is the whole message. `"$.data"`, `"$.payload"` or else `"$"` when left out. */
  data?: JsonPath | "$";
  /** Where it has the name of its channel. `"$.channel"` when left out; a message without one is on the channel `"*"`. */
  channel?: JsonPath;
  /** Where it has its number, if the server counts the messages of a channel: a hole is a gap then. */
  seq?: JsonPath;
  /** What asks for a channel; `$channel` stands for its name. Left out, the server decides what the page hears. */
  subscribe?: JsonMessage;
  /** What gives it back. */
  unsubscribe?: JsonMessage;
  /** The message by which the server says that the channel is subscribed: with `"$channel"` where its name is. */
  subscribed?: JsonMatch;
  /** The message by which it says that we may not have it. */
  denied?: JsonMatch;
  /** The message by which the server asks for a sign of life; `pong` is what we answer. */
  ping?: JsonMatch;
  /** What we answer to `ping`. */
  pong?: JsonMessage;
  /**
   * How a connection that is dead without anybody saying so is found: every so many milliseconds we say `send`,
   * and the server answers with `answer`, or with anything; without `send` the server says something that often
   * by itself.
   */
  heartbeat?: { every: number; send?: JsonMessage; answer?: JsonMatch };
  /** The parameter of the address that has the token, if the server wants it there. Addresses are in logs: prefer `hello`. */
  tokenParam?: string;
  /** Close codes by which the server says that it does not accept who we are, besides 1008, 3000, 3003, 4401 and 4403. */
  authCodes?: readonly number[];
  /** The ways to the server that may be used, the best first. `["ws"]` when left out. */
  ladder?: readonly "ws"[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/**
 * A server that sends server-sent events and has no protocol of its own, such as `sse-starlette` or anything that is
 * made for `EventSource`. The token of `getToken` goes as `Authorization: Bearer`.
 */
export interface SseBackend {
  kind: "sse";
  /** The endpoint. May be relative to the page (`"/events"`). */
  url: string | URL;
  /**
   * A server that is told the last id (`Last-Event-ID`) tells everything that came after it. Left out, every new
   * connection is taken for one that missed something.
   */
  replays?: boolean;
  /** The event by which a server that replays says that it cannot. */
  reset?: string;
  /**
   * Where an event's JSON has its name. Left out, its name is that in the stream, or else the JSON's `"$.type"` or
   * `"$.event"`, or else `message`.
   */
  event?: JsonPath;
  /** Where a message that has its name in the JSON has its payload. `"$.data"`, `"$.payload"` or else `"$"` when left out. */
  data?: JsonPath | "$";
  /** Where the JSON has the name of its channel. `"$.channel"` when left out; an event without one is on the channel `"*"`. */
  channel?: JsonPath;
  /** Where the JSON has its number, if the server counts the events of a channel: a hole is a gap then. */
  seq?: JsonPath;
  /** The server says something, if only a comment, every so many milliseconds. */
  heartbeat?: { every: number };
  /** The parameter of the address that has the token, if the server wants it there and not in a header. */
  tokenParam?: string;
  /** The ways to the server that may be used, the best first. `["sse"]` when left out. */
  ladder?: readonly "sse"[];
  /** How many dials in a row may fail before the server is left alone; `null` for ever. */
  maxAttempts?: number | null;
}

/**
 * A server that speaks Phoenix channels. Channels are its topics: each is joined as long as somebody wants it.
 */
export interface PhoenixBackend {
  kind: "phoenix";
  /** Where the socket is mounted, as in `new Socket("/socket")`. */
  url: string | URL;
  /** What goes into the address of the socket. */
  params?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Under which name the token of `getToken` goes to the server: as one of the `params`, or in what each channel
   * is joined with, or both. `{ param: "token" }` when left out.
   */
  token?: { param?: string; join?: string };
  /** What each channel is joined with. */
  join?: Readonly<Record<string, unknown>>;
  /** The version of the messages. `"2.0.0"` when left out. */
  vsn?: "2.0.0" | "1.0.0";
  /**
   * The ways to the server that may be used, the best first: `ws` is a WebSocket, `poll` the long polling of Phoenix. Both
   * when left out: the second is used where the network lets no WebSocket through, and the first is tried again from time to
   * time.
   */
  ladder?: readonly ("ws" | "poll")[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/**
 * A server that speaks the protocol of Centrifugo. Channels are its own: each is subscribed as long as somebody wants
 * it, unless the server has subscribed it by itself.
 */
export interface CentrifugoBackend {
  kind: "centrifugo";
  /** Its address, as in `new Centrifuge("wss://api.example.com/connection/websocket")`. */
  url: string | URL;
  /** What the server is told of the page besides the token: the `data` of the command `connect`. */
  connect?: Readonly<Record<string, unknown>>;
  /**
   * Where the data of a publication have the event's name: `$.type` or `$.event` when left out. One without is called
   * `publication`.
   */
  event?: JsonPath;
  /** Where they have its payload: `$.data`, `$.payload`, or all of it when left out. */
  data?: JsonPath | "$";
  /** Whether who comes to a channel and who leaves it is told, as `presence:join` and `presence:leave`. `false` when left out. */
  presence?: boolean;
  /**
   * Whether the server may tell a payload as what is new of it since the one before (its namespace has to allow that).
   * No when left out.
   */
  delta?: "fossil";
  /**
   * Gives the token of a channel (a subscription JWT), where the server wants one for each; `null` for a channel that
   * needs none. It is called for each channel that is wanted, once at a time, and anew before the token ends.
   */
  getChannelToken?: (request: ChannelTokenRequest) => string | null | PromiseLike<string | null>;
  /** The ways to the server that may be used, the best first. `["ws"]` when left out. */
  ladder?: readonly "ws"[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/** Another backend that tells of changes, besides the first one. */
export interface LayerOptions {
  backend: Exclude<EverfreshBackend, HttpBackend>;
  /** Channels of it that are followed for as long as the instance is open. */
  channels?: readonly string[];
  /** Gives the token that this one wants. None when left out: the one of the instance is for the first backend alone. */
  getToken?: (request: TokenRequest) => string | null | PromiseLike<string | null>;
}

/**
 * A server of GraphQL, by its subscriptions over `graphql-transport-ws` (the npm package `graphql-ws`, and most other servers
 * of today). Channels are the subscriptions that are named here: each is subscribed as long as somebody wants it.
 */
export interface GraphQlBackend {
  kind: "graphql";
  /** Its address, as in `createClient({ url: "wss://api.example.com/graphql" })`. */
  url: string | URL;
  /**
   * What the server is told of the page, the `connectionParams` of its own client; `$token` stands for the token.
   * `{ token: "$token" }` when left out and there is one.
   */
  connect?: Readonly<Record<string, unknown>>;
  /**
   * Subscriptions, by the names of their channels. A name may have a place in braces (`"board:{id}"`): what a channel has
   * there is put into the variables. The first one that fits counts.
   */
  subscriptions: Readonly<Record<string, GraphQlSubscription>>;
  /** The ways to the server that may be used, the best first. `["ws"]` when left out. */
  ladder?: readonly "ws"[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/** A subscription of GraphQL. Each result of it is an event. */
export interface GraphQlSubscription {
  /** Its text. */
  query: string;
  /** Its variables. `{id}` in a string of them stands for what the channel's name has there. */
  variables?: Readonly<Record<string, unknown>>;
  /** Which operation it is, where the text has several. */
  operationName?: string;
  /** What its events are called; its name here when left out. */
  event?: string;
  /** Where the server's `data` has the event's payload, such as `"$.taskChanged"`. All of it when left out. */
  data?: JsonPath;
}

/** A server without connections: contracts ask it, and mutations go by HTTP. */
export interface HttpBackend {
  kind: "http";
  /** The server that gets the token of `getToken`, as `Authorization: Bearer`, with the `probe` of a contract. `"/"` when left out. */
  url?: string | URL;
}

/** A message that we say: an object, or a text that is no JSON. */
export type JsonMessage = Readonly<Record<string, unknown>> | string;

/** A message of the server: it has everything that this has, and may have more. Of a list, one of them. */
export type JsonMatch = JsonMessage | readonly JsonMessage[];

/** Where something stands in a message. */
export type JsonPath = `$.${string}`;

/**
 * A project of Supabase, by its Realtime. Channels have the names that `supabase.channel(name)` takes; the token
 * of `getToken` is the user's access token.
 */
export interface SupabaseBackend {
  kind: "supabase";
  /** The project's address: `"https://abc.supabase.co"`. */
  url: string | URL;
  /** The project's publishable or anon key. */
  apikey: string;
  /**
   * How channels are joined, by their names. A name may have a place in braces (`"board:{id}"`): what a channel
   * has there is put into the filters of its changes. The first one that fits counts; a channel that none fits
   * is public, and tells broadcasts alone.
   */
  channels?: Readonly<Record<string, SupabaseChannel>>;
  /** The version of the messages. `"2.0.0"` when left out. */
  vsn?: "2.0.0" | "1.0.0";
  /**
   * The ways to the server that may be used, the best first: `ws` is a WebSocket, `poll` the long polling of Phoenix. Both
   * when left out: the second is used where the network lets no WebSocket through, and the first is tried again from time to
   * time.
   */
  ladder?: readonly ("ws" | "poll")[];
  /** How many dials in a row may fail before the server is only looked for now and then; `null` for ever. */
  maxAttempts?: number | null;
}

/** How a channel of Supabase is joined. */
export interface SupabaseChannel {
  /** The changes of rows that it tells, each by the event `postgres:TYPE:SCHEMA.TABLE`. */
  changes?: readonly SupabaseChange[];
  /** Whether the policies of the project decide who may read it. */
  private?: boolean;
  /**
   * After a gap, the broadcasts that the database keeps and that were missed are told, each once: the newest 25 at most. Only of
   * a private channel. What they do not tell is fetched, as after every gap.
   */
  replay?: boolean;
  /** `self`: broadcasts of this connection come back. `ack`: they are answered. */
  broadcast?: { self?: boolean; ack?: boolean };
  /** `enabled`: the events `presence_state` and `presence_diff` are told. A room of the channel enables it by itself. */
  presence?: { enabled?: boolean; key?: string };
}

/** Changes of rows that are asked for. */
export interface SupabaseChange {
  /** `"*"`, which is all of them, when left out. */
  event?: "*" | "INSERT" | "UPDATE" | "DELETE";
  /** `"public"` when left out. */
  schema?: string;
  /** Every table of the schema when left out. */
  table?: string;
  /** Which rows, as `"project_id=eq.7"`. */
  filter?: string;
}

/** A way to the server. */
export type Transport = "ws" | "sse" | "poll";

/** Where the WebAssembly module comes from. */
export type ModuleSource =
  | { module: WebAssembly.Module | PromiseLike<WebAssembly.Module> }
  | { url: string | URL }
  | { bytes: BufferSource | PromiseLike<BufferSource> | (() => BufferSource | PromiseLike<BufferSource>) };

/** Where the WebAssembly file is, when the bundler does not place it by itself: its address, or a {@link ModuleSource}. */
export type WasmSource = string | URL | ModuleSource;

/** Why a token is asked for, and until when. */
export interface TokenRequest {
  readonly reason: string;
  /** Aborts when the answer is of no use any more. */
  readonly signal: AbortSignal;
}

/** Why the token of a channel is asked for, and until when. */
export interface ChannelTokenRequest extends TokenRequest {
  readonly channel: string;
}

/**
 * How fresh a family of queries has to be, and by which means it is kept so. Times are milliseconds.
 */
export interface ContractOptions {
  /** The family. */
  key: Family;
  /** The window: data that is shown was asked for at most this long ago. */
  maxAge?: number;
  /**
   * How often to look when nobody says that something changed: an interval, `false` for never, or
   * `"auto"` for one that follows the health of the connection. Within the window when left out.
   */
  poll?: number | false | "auto" | { fresh?: number; aging?: number; down?: number };
  /** While nobody sees the page: `pause` (the default), or `continue`. */
  hidden?: "pause" | "continue";
  /** Coming back after being away for longer than this, data that is older is refetched. */
  refetchOnFocusAfter?: number;
  /** Without a touch for this long the user counts as idle, */
  idleAfter?: number;
  /** and this is the interval then. */
  idlePoll?: number;
  /** Whether it is in force from the start. */
  enabled?: boolean;
  /** Nothing is done unless the user asks for it. */
  manual?: boolean;
  /** Under which name the age of the data survives a reload. */
  reloadKey?: string;
  /** However often something asks for it, looks are never closer than this. */
  minInterval?: number;
  /** Where to look whether anything changed without fetching it all: an address that answers 304. */
  probe?: string | URL;
}

/** How the queue of mutations is bounded. */
export interface QueueOptions {
  /** How many mutations may wait. */
  maxCount?: number;
  /** How many bytes they may take. */
  maxBytes?: number;
  /** How many may be on their way at a time, one a lane. */
  parallel?: number;
  /** Whether mutations are taken although they cannot be stored: they end with the tab. */
  volatile?: boolean;
}

/** What `createEverfresh` takes. */
export interface EverfreshOptions<
  Events extends object = Record<string, unknown>,
  Mutations extends object = Record<string, AnyMutation>,
  Contracts extends string = string,
> {
  /**
   * The name of this instance, `"default"` when left out. All tabs of an origin that use the same
   * name, user and backend share one connection.
   */
  name?: string;
  /** Whose data this is: an id that differs between users, or `null` before login. */
  user: string | null;
  /** Where the live connection goes. */
  backend: EverfreshBackend;
  /**
   * Other backends that tell of changes at the same time, by names of your own. While one is away or silent the
   * next takes over; the snapshot says which and why. What two of them tell of counts once where the routes in
   * `events` say which change it is. Mutations, rooms and the status are those of `backend`.
   */
  layers?: Readonly<Record<string, LayerOptions>>;
  /**
   * Gives the token that the server wants; `null` if nobody is logged in. Throw an `EverfreshError` with
   * the code `needs-login` if there has to be a login first; any other error is tried again.
   */
  getToken?: (request: TokenRequest) => string | null | PromiseLike<string | null>;
  /** Channels to follow for as long as the instance is open. */
  channels?: readonly string[];
  /** How many channels are followed at a time, at most. The one that was not used for longest leaves first. */
  channelsMax?: number;
  /** How long a channel that nobody wants any more is kept, in milliseconds. */
  channelIdle?: number;
  /** What each event makes stale. Events that only have listeners need no entry. */
  events?: { [Name in keyof Events]?: Route<Events[Name]> };
  /** How fresh which queries have to be. */
  contracts?: { [Name in Contracts]: ContractOptions };
  /** What is changed on the server, durably and in order. */
  mutations?: { [Name in keyof Mutations]: MutationOptions<Mutations[Name]> };
  /** How the queue of mutations is bounded. */
  queue?: QueueOptions;
  /**
   * Whether the page uses `everfresh/room`: who is there, who types, who may edit which field. Give it on every page of the
   * app or on none: a tab without rooms that has the connection for all leaves those of the others waiting, until it has been
   * out of sight for a while.
   */
  rooms?: boolean;
  /**
   * Writes down what happens to the engine, so that it can happen again on the desk of whoever looks for a
   * mistake: `diagnostics().recording` is then what to attach to a report. Off when left out. It begins with the
   * instance and ends when it is full (4 MB) or another user is there. Tokens, ids of users and payloads are
   * covered; names of channels, events and mutations and query keys stay. It takes the module with every part.
   */
  record?: boolean;
  /**
   * Events that are dispatched on `window` too, for code that knows nothing of this package: the name
   * that each has there, or `true` for `realtime:` and the event's name. `detail` is the {@link LiveEvent}.
   */
  domEvents?: { [Name in keyof NoInfer<Events>]?: string | true };
  /**
   * What to do where WebAssembly cannot be used: `poll` (the default) keeps the app going by polling, in
   * JavaScript; `none` leaves the instance without life.
   */
  fallback?: "poll" | "none";
  /** Where the WebAssembly file is, when it is not where the bundler put it. The first one on a page counts. */
  wasm?: WasmSource;
  /**
   * Where the relay worker's file is (`everfresh/relay`), when it is not where the bundler put it. It has to
   * be of the page's own origin. Where no worker can be had everything runs on the page, and the snapshot says
   * `relay: "page"`: a hidden page may be woken once a minute only.
   */
  workerUrl?: string | URL;
  /** Closes the instance when it aborts. */
  signal?: AbortSignal | undefined;
}
