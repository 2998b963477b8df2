// What is wrong with options shows at once where it is a matter of JavaScript, and when the engine looks where it
// is a matter of values. Either way with its place and what was expected there.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { parseOptions } from "../dist/options.js";
import { closeAll, create } from "./support/page.js";

const BASE = "https://app.test/board/7";
const good = () => ({ user: null, backend: { kind: "everfresh", url: "/live" } });
const socketio = () => ({ kind: "socketio", url: "https://a.test" });
const json = () => ({ kind: "json", url: "/ws" });
const graphql = () => ({ kind: "graphql", url: "https://a.test/graphql", subscriptions: { tasks: { query: "subscription { task { id } }" } } });
const centrifugo = () => ({ kind: "centrifugo", url: "https://a.test/connection/websocket" });
const phoenix = () => ({ kind: "phoenix", url: "https://a.test/socket" });
const supabase = () => ({ kind: "supabase", url: "https://a.test", apikey: "k" });
const parse = (options, base = BASE) => parseOptions(options, base);
const plain = (value) => JSON.parse(JSON.stringify(value));

after(closeAll);

test("the smallest options are completed", () => {
  assert.deepEqual(plain(parse(good()).config), {
    name: "default",
    user: null,
    backend: { kind: "everfresh", url: "wss://app.test/live", ladder: ["ws", "sse", "poll"] },
    getToken: false,
    events: {},
    contracts: {},
    mutations: {},
  });
});

test("urls are made absolute and speak the socket's scheme", () => {
  const url = (value, base) => parse({ ...good(), backend: { kind: "everfresh", url: value } }, base).config.backend.url;
  assert.equal(url("live"), "wss://app.test/board/live");
  assert.equal(url("/live?v=1", "http://127.0.0.1:4321/"), "ws://127.0.0.1:4321/live?v=1");
  assert.equal(url("http://other.test/live"), "ws://other.test/live");
  assert.equal(url(new URL("wss://other.test/live")), "wss://other.test/live");
  // On a server there is no page to start from, and nothing is dialled.
  assert.equal(parseOptions(good(), undefined).config.backend.url, "/live");
});

test("a server of Socket.IO has an address, and a path of its own there", () => {
  const read = (more, base) => plain(parse({ ...good(), backend: { ...socketio(), ...more } }, base).config.backend);
  assert.deepEqual(read({}), { kind: "socketio", url: "wss://a.test/socket.io/", ladder: ["ws", "poll"] });
  assert.equal(read({ url: "/" }, "http://127.0.0.1:4321/board/").url, "ws://127.0.0.1:4321/socket.io/");
  assert.equal(read({ url: "https://a.test?v=1", path: "/live" }).url, "wss://a.test/live/?v=1");
  const more = { namespace: "/live", auth: { app: "planner" }, authenticated: "ready", maxAttempts: 3 };
  assert.deepEqual(read(more), { kind: "socketio", url: "wss://a.test/socket.io/", ladder: ["ws", "poll"], ...more });
});

test("a server without a protocol is described as data", () => {
  const read = (more) => plain(parse({ ...good(), backend: { ...json(), ...more } }).config.backend);
  assert.deepEqual(read({}), { kind: "json", url: "wss://app.test/ws", ladder: ["ws"] });
  const more = {
    hello: { type: "auth", token: "$token" },
    welcome: [{ type: "ready" }, "ready"],
    heartbeat: { every: 20_000, send: "ping" },
    authCodes: [4001],
  };
  assert.deepEqual(read(more), { kind: "json", url: "wss://app.test/ws", ladder: ["ws"], ...more });
});

test("a server of Phoenix has a mount, and what goes into its address", () => {
  const read = (more, base) => plain(parse({ ...good(), backend: { ...phoenix(), ...more } }, base).config.backend);
  assert.deepEqual(read({}), { kind: "phoenix", url: "wss://a.test/socket/websocket", ladder: ["ws", "poll"] });
  assert.equal(read({ url: "/socket/" }, "http://127.0.0.1:4321/board/").url, "ws://127.0.0.1:4321/socket/websocket");
  assert.equal(read({ url: "wss://a.test/live/websocket" }).url, "wss://a.test/live/websocket");
  const more = { token: { join: "jwt" }, join: { app: "planner" }, vsn: "1.0.0", maxAttempts: 3 };
  assert.deepEqual(read({ ...more, params: { user: "a b", n: 7, on: true } }), {
    kind: "phoenix",
    url: "wss://a.test/socket/websocket?user=a+b&n=7&on=true",
    ladder: ["ws", "poll"],
    ...more,
  });
});

test("a server of Centrifugo has the address of its own client", () => {
  const read = (more, base) => plain(parse({ ...good(), backend: { ...centrifugo(), ...more } }, base).config.backend);
  assert.deepEqual(read({}), { kind: "centrifugo", url: "wss://a.test/connection/websocket", ladder: ["ws"] });
  assert.equal(read({ url: "/live?v=1" }, "http://127.0.0.1:4321/board/").url, "ws://127.0.0.1:4321/live?v=1");
  const more = { connect: { app: "planner" }, event: "$.kind", data: "$", presence: true, delta: "fossil", maxAttempts: 3 };
  assert.deepEqual(read(more), { kind: "centrifugo", url: "wss://a.test/connection/websocket", ladder: ["ws"], ...more });
  // A function stays on the page, and the engine knows that there is one.
  const getChannelToken = () => "t";
  assert.equal(read({ getChannelToken }).getChannelToken, true);
  assert.equal(parse({ ...good(), backend: { ...centrifugo(), getChannelToken } }).getChannelToken, getChannelToken);
  const layered = parse({ ...good(), layers: { one: { backend: { ...centrifugo(), getChannelToken } } } });
  assert.equal(layered.layers[0].getChannelToken, getChannelToken);
  assert.equal(layered.getChannelToken, undefined);
});

test("a server of GraphQL has subscriptions by the names of their channels", () => {
  const read = (more, base) => plain(parse({ ...good(), backend: { ...graphql(), ...more } }, base).config.backend);
  assert.deepEqual(read({}), { ...graphql(), url: "wss://a.test/graphql", ladder: ["ws"] });
  const board = { query: "subscription B($b: ID!) { task(board: $b) { id } }", variables: { b: "{id}" }, operationName: "B", event: "moved", data: "$.task" };
  const more = { connect: { authorization: "Bearer $token" }, subscriptions: { "board:{id}": board }, maxAttempts: 3 };
  assert.deepEqual(read(more), { kind: "graphql", url: "wss://a.test/graphql", ladder: ["ws"], ...more });
});

test("a project of Supabase has a key, and its changes are routed by type and table", () => {
  const read = (more, events) => plain(parse({ ...good(), events, backend: { ...supabase(), ...more } }).config);
  const channels = { "board:{id}": { changes: [{ table: "tasks", filter: "board=eq.{id}" }], private: true, replay: true } };
  assert.deepEqual(read({ channels }).backend, {
    kind: "supabase",
    url: "wss://a.test/realtime/v1/websocket?apikey=k",
    ladder: ["ws", "poll"],
    channels,
  });
  const { events } = read({}, { "postgres:INSERT:public.tasks": ["new"], "postgres:*:public.tasks": ["tasks"], said: ["a"] });
  assert.deepEqual(events, {
    "postgres:INSERT:public.tasks": [["new"]],
    "postgres:UPDATE:public.tasks": [["tasks"]],
    "postgres:DELETE:public.tasks": [["tasks"]],
    said: [["a"]],
  });
  // Elsewhere it is a name like any other.
  assert.deepEqual(Object.keys(parse({ ...good(), events: { "postgres:*:a": ["b"] } }).config.events), ["postgres:*:a"]);
});

test("a server without connections needs no address", () => {
  const read = (backend) => plain(parse({ ...good(), backend }).config.backend);
  assert.deepEqual(read({ kind: "http" }), { kind: "http", url: "wss://app.test/" });
  assert.deepEqual(read({ kind: "http", url: "https://api.test/v1" }), { kind: "http", url: "wss://api.test/v1" });
});

test("a stream of events is described as data", () => {
  const read = (more) => plain(parse({ ...good(), backend: { kind: "sse", url: "/events", ...more } }).config.backend);
  assert.deepEqual(read({}), { kind: "sse", url: "wss://app.test/events", ladder: ["sse"] });
  const more = { replays: true, reset: "reset", heartbeat: { every: 15_000 }, maxAttempts: 3 };
  assert.deepEqual(read(more), { kind: "sse", url: "wss://app.test/events", ladder: ["sse"], ...more });
});

test("families are keys, and a string is the key of one element", () => {
  const { config, routes } = parse({
    ...good(),
    events: { task_updated: ["tasks", ["counts", { done: true }]], left_out: undefined, moved: { keys: ["a"], version: "$.v" } },
    contracts: { planner: { key: "planner", probe: "/api/planner" } },
  });
  assert.deepEqual(plain(config.events), {
    task_updated: [["tasks"], ["counts", { done: true }]],
    moved: { keys: [["a"]], version: "$.v" },
  });
  assert.deepEqual(plain(config.contracts), { planner: { key: ["planner"], probe: "https://app.test/api/planner" } });
  assert.equal(routes.size, 0);
});

test("a route that is a function stays here, and a gap reaches every key", () => {
  const route = () => [];
  const { config, routes } = parse({ ...good(), events: { moved: route, added: ["blocks"] } });
  assert.equal(routes.get("moved"), route);
  const [[first, keys], [name, all]] = Object.entries(config.events);
  assert.deepEqual([first, keys, all], ["added", [["blocks"]], [[]]]);
  // No event of the app can have that name: it holds a character that no name may hold.
  assert.match(name, /^\u0000/);
});

test("an event called __proto__ is an event", () => {
  const events = Object.defineProperty({}, "__proto__", { value: ["tasks"], enumerable: true });
  assert.equal(JSON.stringify(parse({ ...good(), events }).config.events), '{"__proto__":[["tasks"]]}');
});

test("of a mutation only what the engine needs goes to it", () => {
  const run = () => {};
  const { config, mutations } = parse({ ...good(), mutations: { move: { run, lane: () => "a", conflict: "merge", attempts: 3 } } });
  assert.deepEqual(plain(config.mutations), { move: { conflict: "merge", attempts: 3 } });
  assert.equal(mutations.get("move").run, run);
});

test("events go to the window under the names that they are given there", () => {
  const { domEvents } = parse({ ...good(), domEvents: { "task-update": true, task_new: "realtime:task-new" } });
  assert.deepEqual(domEvents, [
    ["task-update", "realtime:task-update"],
    ["task_new", "realtime:task-new"],
  ]);
});

const run = () => {};
const atOnce = [
  ["no options", undefined, "option-invalid", ""],
  ["a misspelled option", { ...good(), chanels: [] }, "option-unknown", "chanels"],
  ["no user", { backend: good().backend }, "option-missing", "user"],
  ["an undefined user", { ...good(), user: undefined }, "option-missing", "user"],
  ["no backend", { user: null }, "option-missing", "backend"],
  ["a backend that is a string", { user: null, backend: "/live" }, "option-invalid", "backend"],
  ["a misspelled member", { user: null, backend: { kind: "everfresh", uri: "/" } }, "option-unknown", "backend.uri"],
  ["a member of another backend", { user: null, backend: { ...good().backend, path: "/live" } }, "option-unknown", "backend.path"],
  ["auth that is no JSON", { user: null, backend: { ...socketio(), auth: { at: new Date() } } }, "option-invalid", "backend.auth.at"],
  ["a path without a slash", { user: null, backend: { ...socketio(), path: "live" } }, "option-invalid", "backend.path"],
  ["a namespace for an address", { user: null, backend: { ...socketio(), url: "https://a.test/live" } }, "option-invalid", "backend.url"],
  ["a message that is no JSON", { user: null, backend: { ...json(), hello: { at: new Date() } } }, "option-invalid", "backend.hello.at"],
  ["a decoder", { user: null, backend: { ...json(), decode: () => [] } }, "option-unknown", "backend.decode"],
  ["a misspelled heartbeat", { user: null, backend: { ...json(), heartbeat: { each: 1 } } }, "option-unknown", "backend.heartbeat.each"],
  ["data of a connection that are no JSON", { user: null, backend: { ...centrifugo(), connect: { at: new Date() } } }, "option-invalid", "backend.connect.at"],
  ["a subscription that is a text", { user: null, backend: { ...graphql(), subscriptions: { a: "subscription { a }" } } }, "option-invalid", "backend.subscriptions.a"],
  ["a misspelled subscription", { user: null, backend: { ...graphql(), subscriptions: { a: { qeury: "" } } } }, "option-unknown", "backend.subscriptions.a.qeury"],
  ["variables that are no JSON", { user: null, backend: { ...graphql(), subscriptions: { a: { query: "q", variables: { at: new Date() } } } } }, "option-invalid", "backend.subscriptions.a.variables.at"],
  ["a connection's data that are no JSON", { user: null, backend: { ...graphql(), connect: { at: new Date() } } }, "option-invalid", "backend.connect.at"],
  ["a token of channels that is a text", { user: null, backend: { ...centrifugo(), getChannelToken: "t" } }, "option-invalid", "backend.getChannelToken"],
  ["a token of Centrifugo", { user: null, backend: { ...centrifugo(), token: "t" } }, "option-unknown", "backend.token"],
  ["a param that is an object", { user: null, backend: { ...phoenix(), params: { a: {} } } }, "option-invalid", "backend.params.a"],
  ["a join that is no JSON", { user: null, backend: { ...phoenix(), join: { at: new Date() } } }, "option-invalid", "backend.join.at"],
  ["a namespace of Phoenix", { user: null, backend: { ...phoenix(), namespace: "/" } }, "option-unknown", "backend.namespace"],
  ["a project without a key", { user: null, backend: { kind: "supabase", url: "https://a.test" } }, "option-invalid", "backend.apikey"],
  ["channels that are no JSON", { user: null, backend: { ...supabase(), channels: { a: { b: new Map() } } } }, "option-invalid", "backend.channels.a.b"],
  ["a ladder to nothing", { user: null, backend: { kind: "http", ladder: ["ws"] } }, "option-unknown", "backend.ladder"],
  ["something to say on a stream", { user: null, backend: { kind: "sse", url: "/events", hello: {} } }, "option-unknown", "backend.hello"],
  ["a question on a stream", { user: null, backend: { kind: "sse", url: "/", heartbeat: { every: 1000, send: "?" } } }, "option-unknown", "backend.heartbeat.send"],
  ["no url", { user: null, backend: { kind: "everfresh" } }, "option-invalid", "backend.url"],
  ["a url of another scheme", { user: null, backend: { kind: "everfresh", url: "ftp://a.test" } }, "option-invalid", "backend.url"],
  ["a url with a fragment", { user: null, backend: { kind: "everfresh", url: "/live#x" } }, "option-invalid", "backend.url"],
  ["a url with a password", { user: null, backend: { kind: "everfresh", url: "wss://u:p@a.test/" } }, "option-invalid", "backend.url"],
  ["a url that is none", { user: null, backend: { kind: "everfresh", url: "http://" } }, "option-invalid", "backend.url"],
  ["a token where a function belongs", { ...good(), getToken: "t" }, "option-invalid", "getToken"],
  ["routes that are a list", { ...good(), events: ["tasks"] }, "option-invalid", "events"],
  ["a route that is a string", { ...good(), events: { a: "tasks" } }, "option-invalid", "events.a"],
  ["a rule without keys", { ...good(), events: { a: { version: "$.v" } } }, "option-invalid", "events.a.keys"],
  ["a misspelled rule", { ...good(), events: { a: { keys: [], versoin: "$.v" } } }, "option-unknown", "events.a.versoin"],
  ["a key where a list of keys belongs", { ...good(), events: { "task-update": ["tasks", 5] } }, "option-invalid", 'events["task-update"][1]'],
  ["a date in a key", { ...good(), events: { a: [["tasks", { since: new Date(0) }]] } }, "option-invalid", "events.a[0][1].since"],
  ["not a number in a key", { ...good(), events: { a: [["tasks", NaN]] } }, "option-invalid", "events.a[0][1]"],
  ["undefined in a key", { ...good(), events: { a: [["tasks", undefined]] } }, "option-invalid", "events.a[0][1]"],
  ["a contract without a key", { ...good(), contracts: { a: {} } }, "option-invalid", "contracts.a.key"],
  ["a misspelled contract", { ...good(), contracts: { a: { key: "a", max_age: 5 } } }, "option-unknown", "contracts.a.max_age"],
  ["a mutation without a function", { ...good(), mutations: { a: {} } }, "option-missing", "mutations.a.run"],
  ["a mutation that is a function", { ...good(), mutations: { a: run } }, "option-invalid", "mutations.a"],
  ["a misspelled mutation", { ...good(), mutations: { a: { run, retries: 3 } } }, "option-unknown", "mutations.a.retries"],
  ["a misspelled bound", { ...good(), queue: { max: 3 } }, "option-unknown", "queue.max"],
  ["a name on the window that is none", { ...good(), domEvents: { a: 5 } }, "option-invalid", "domEvents.a"],
  ["another fallback", { ...good(), fallback: "jquery" }, "option-invalid", "fallback"],
];
for (const [what, options, code, path] of atOnce) {
  test(`${what}: refused at once`, () => {
    assert.throws(
      () => parse(options),
      (error) => {
        assert.equal(error.name, "EverfreshError");
        assert.equal(error.code, code);
        assert.equal(error.path, path);
        assert.ok(error.expected.length > 0 && error.message.includes(error.expected));
        return true;
      },
    );
  });
}

const byTheEngine = [
  ["an empty user", { user: "" }, "user"],
  ["a user that is a number", { user: 7 }, "user"],
  ["an empty name", { name: "" }, "name"],
  ["another backend", { backend: { kind: "pigeon", url: "/" } }, "backend.kind"],
  ["a namespace without a slash", { backend: { ...socketio(), namespace: "live" } }, "backend.namespace"],
  ["auth that is a text", { backend: { ...socketio(), auth: "token" } }, "backend.auth"],
  ["an event without a name", { backend: { ...socketio(), authenticated: "" } }, "backend.authenticated"],
  ["a stream of Socket.IO", { backend: { ...socketio(), ladder: ["sse"] } }, "backend.ladder"],
  ["a message that is a number", { backend: { ...json(), hello: 7 } }, "backend.hello"],
  ["a place that is no path", { backend: { ...json(), event: "type" } }, "backend.event"],
  ["a heartbeat of no length", { backend: { ...json(), heartbeat: { send: "ping" } } }, "backend.heartbeat.every"],
  ["an answer to nothing", { backend: { ...json(), pong: "pong" } }, "backend.ping"],
  ["a channel that is not named", { backend: { ...json(), subscribe: { type: "subscribe" } } }, "backend.subscribe"],
  ["a close code that there is none of", { backend: { ...json(), authCodes: [401] } }, "backend.authCodes"],
  ["a stream of a socket", { backend: { ...json(), ladder: ["sse"] } }, "backend.ladder"],
  ["a channel of nothing", { backend: { kind: "http" }, channels: ["tasks"] }, "channels[0]"],
  ["a socket of a stream", { backend: { kind: "sse", url: "/", ladder: ["ws"] } }, "backend.ladder"],
  ["replays that are a word", { backend: { kind: "sse", url: "/", replays: "yes" } }, "backend.replays"],
  ["a reset without a name", { backend: { kind: "sse", url: "/", reset: "" } }, "backend.reset"],
  ["a channel that is no namespace", { backend: socketio(), channels: ["tasks"] }, "channels[0]"],
  ["data of a connection that are a list", { backend: { ...centrifugo(), connect: [] } }, "backend.connect"],
  ["a name that is nowhere", { backend: { ...centrifugo(), event: "type" } }, "backend.event"],
  ["a delta of another kind", { backend: { ...centrifugo(), delta: "xdelta" } }, "backend.delta"],
  ["a presence that is a word", { backend: { ...centrifugo(), presence: "yes" } }, "backend.presence"],
  ["a stream of Centrifugo", { backend: { ...centrifugo(), ladder: ["sse"] } }, "backend.ladder"],
  ["no subscriptions", { backend: { ...graphql(), subscriptions: undefined } }, "backend.subscriptions"],
  ["a subscription without a text", { backend: { ...graphql(), subscriptions: { a: {} } } }, 'backend.subscriptions["a"].query'],
  ["a place that GraphQL has not", { backend: { ...graphql(), subscriptions: { a: { query: "q", data: "task" } } } }, 'backend.subscriptions["a"].data'],
  ["a channel that is no subscription", { backend: graphql(), channels: ["b"] }, "channels[0]"],
  ["polls of GraphQL", { backend: { ...graphql(), ladder: ["poll"] } }, "backend.ladder"],
  ["a version that is none", { backend: { ...phoenix(), vsn: "3.0.0" } }, "backend.vsn"],
  ["a token that is a text", { backend: { ...phoenix(), token: "t" } }, "backend.token"],
  ["a token without a name", { backend: { ...phoenix(), token: { param: "" } } }, "backend.token.param"],
  ["a join that is a list", { backend: { ...phoenix(), join: [] } }, "backend.join"],
  ["a stream of Phoenix", { backend: { ...phoenix(), ladder: ["sse"] } }, "backend.ladder"],
  ["the topic of the signs of life", { backend: phoenix(), channels: ["phoenix"] }, "channels[0]"],
  ["a change that is none", { backend: { ...supabase(), channels: { a: { changes: [{ event: "insert" }] } } } }, 'backend.channels["a"].changes[0].event'],
  ["a replay of a public channel", { backend: { ...supabase(), channels: { a: { replay: true } } } }, 'backend.channels["a"].replay'],
  ["a misspelled broadcast", { backend: { ...supabase(), channels: { a: { broadcast: { me: true } } } } }, 'backend.channels["a"].broadcast'],
  ["an empty ladder", { backend: { ...good().backend, ladder: [] } }, "backend.ladder"],
  ["a rung that is none", { backend: { ...good().backend, ladder: ["fax"] } }, "backend.ladder"],
  ["a rung twice", { backend: { ...good().backend, ladder: ["ws", "ws"] } }, "backend.ladder"],
  ["a ladder that is none", { backend: { ...good().backend, ladder: "ws" } }, "backend.ladder"],
  ["no attempts", { backend: { kind: "everfresh", url: "/", maxAttempts: 0 } }, "backend.maxAttempts"],
  ["channels that are a string", { channels: "tasks" }, "channels"],
  ["a channel that is a number", { channels: ["a", 5] }, "channels[1]"],
  ["a channel of 256 bytes", { channels: ["é".repeat(128)] }, "channels[0]"],
  ["a channel with a line break", { channels: ["a\nb"] }, "channels[0]"],
  ["too many channels", { channels: Array.from({ length: 51 }, (_, n) => `c${n}`) }, "channels"],
  ["no channels at all", { channelsMax: 0 }, "channelsMax"],
  ["a channel kept for ever", { channelIdle: Infinity }, "channelIdle"],
  ["a route with a path that is none", { events: { a: { keys: ["tasks"], version: "v" } } }, "events.a.version"],
  ["a window of no time", { contracts: { a: { key: "a", maxAge: 0 } } }, "contracts.a.maxAge"],
  ["a poll that is none", { contracts: { a: { key: "a", poll: "often" } } }, "contracts.a.poll"],
  ["a pace that is none", { contracts: { a: { key: "a", poll: { down: -1 } } } }, "contracts.a.poll"],
  ["hidden in a way that is none", { contracts: { a: { key: "a", hidden: "stop" } } }, "contracts.a.hidden"],
  ["a conflict that is none", { mutations: { a: { run, conflict: "war" } } }, "mutations.a.conflict"],
  ["no runs", { mutations: { a: { run, attempts: 0 } } }, "mutations.a.attempts"],
  ["a run without end", { mutations: { a: { run, timeout: 1e9 } } }, "mutations.a.timeout"],
  ["a lane that stops in a way that is none", { mutations: { a: { run, stops: "yes" } } }, "mutations.a.stops"],
  ["a form whose version is none", { mutations: { a: { run, version: "2" } } }, "mutations.a.version"],
  ["a wish to record that is none", { record: "yes" }, "record"],
  ["a queue of nothing", { queue: { maxCount: 0 } }, "queue.maxCount"],
  ["a queue of too much", { queue: { maxBytes: 1e12 } }, "queue.maxBytes"],
  ["too many at a time", { queue: { parallel: 65 } }, "queue.parallel"],
  ["volatile in a way that is none", { queue: { volatile: "yes" } }, "queue.volatile"],
];
for (const [what, options, path] of byTheEngine) {
  test(`${what}: refused by the engine`, async () => {
    const live = await create(options);
    await assert.rejects(live.ready, (error) => {
      assert.equal(error.name, "EverfreshError");
      assert.equal(error.code, "option-invalid");
      assert.equal(error.path, path);
      assert.ok(error.expected.length > 0 && error.message.includes(error.expected));
      return true;
    });
    // Whoever does not await it is told all the same.
    assert.equal(live.getSnapshot().status, "failed");
    assert.deepEqual(live.faults.map(({ code, error }) => [code, error.path]), [["option-invalid", path]]);
  });
}

test("several backends are told apart by their names", () => {
  const feed = { backend: supabase(), channels: ["user:1"], getToken: () => "t" };
  const events = { "postgres:*:public.tasks": ["tasks"] };
  const { config, layers } = parse({ ...good(), backend: socketio(), layers: { feed, other: { backend: json() } }, events });
  assert.deepEqual(config.layers, ["socketio", "feed", "other"]);
  assert.deepEqual(Object.keys(config.events).length, 3, "what one of them tells has the names that it gives");
  assert.deepEqual([layers[0].name, layers[0].backend.kind, layers[0].channels, layers[0].getToken()], ["feed", "supabase", ["user:1"], "t"]);
  assert.deepEqual([layers[1].channels, layers[1].getToken], [[], undefined]);
  assert.equal(parse(good()).config.layers, undefined);
});

const badLayers = [
  [{ everfresh: { backend: json() } }, "layers.everfresh"],
  [{ a: { backend: { kind: "http" } } }, "layers.a.backend"],
  [{ a: {} }, "layers.a.backend"],
  [{ a: { backend: { kind: "socketio", url: "https://a.test/path" } } }, "layers.a.backend.url"],
  [{ a: { backend: json(), channels: "tasks" } }, "layers.a.channels"],
  [{ a: { backend: json(), channels: [7] } }, "layers.a.channels[0]"],
  [{ a: { backend: json(), getToken: "t" } }, "layers.a.getToken"],
  [[], "layers"],
];
for (const [layers, path] of badLayers) {
  test(`a backend that is not one: ${path}`, () => {
    assert.throws(
      () => parse({ ...good(), layers }),
      (error) => error.code === "option-invalid" && error.path === path && error.message.includes(`\`${path}\``),
    );
  });
}

test("an option of a backend that there is not is named with its layer", () => {
  const layers = { a: { backend: { ...json(), pth: 1 } } };
  assert.throws(() => parse({ ...good(), layers }), { code: "option-unknown", path: "layers.a.backend.pth" });
});

test("a key that contains itself is refused", () => {
  const key = ["tasks"];
  key.push(key);
  assert.throws(() => parse({ ...good(), events: { a: [key] } }), { code: "option-invalid" });
});

test("a long string is not repeated in the message", () => {
  const secret = "s".repeat(100);
  assert.throws(
    () => parse({ ...good(), getToken: secret }),
    (error) => !error.message.includes(secret),
  );
});
