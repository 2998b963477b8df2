import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "../dist/options.js";

const BASE = "https://app.test/board/7";
const good = () => ({ user: null, backend: { kind: "everfresh", url: "/live" } });
const parse = (options, base = BASE) => parseOptions(options, base);

test("the smallest options are completed", () => {
  assert.deepEqual(parse(good()).config, {
    name: "default",
    user: null,
    backend: { kind: "everfresh", url: "wss://app.test/live", ladder: ["ws", "sse", "poll"] },
    channels: [],
    events: {},
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

test("families are keys, and a string is the key of one element", () => {
  const { config, routes } = parse({
    ...good(),
    events: { task_updated: ["tasks", ["counts", { done: true }]], left_out: undefined },
  });
  assert.deepEqual(config.events, { task_updated: [["tasks"], ["counts", { done: true }]] });
  assert.equal(routes.size, 0);
});

test("a route that is a function stays here, and a gap reaches every key", () => {
  const route = () => [];
  const { config, routes } = parse({ ...good(), events: { moved: route, added: ["blocks"] } });
  assert.equal(routes.get("moved"), route);
  assert.deepEqual(Object.entries(config.events).slice(0, 1), [["added", [["blocks"]]]]);
  const [name, keys] = Object.entries(config.events)[1];
  assert.deepEqual(keys, [[]]);
  // No event of the app can have that name: the same characters are refused in every name.
  assert.throws(() => parse({ ...good(), events: { [name]: [] } }), { code: "option-invalid" });
});

test("an event called __proto__ is an event", () => {
  const events = Object.defineProperty({}, "__proto__", { value: ["tasks"], enumerable: true });
  const { config } = parse({ ...good(), events });
  assert.equal(JSON.stringify(config.events), '{"__proto__":[["tasks"]]}');
});

test("a channel that is named twice is one channel", () => {
  assert.deepEqual(parse({ ...good(), channels: ["a", "b", "a"] }).config.channels, ["a", "b"]);
});

const wrong = [
  ["no options", undefined, "option-invalid", ""],
  ["a misspelled option", { ...good(), chanels: [] }, "option-unknown", "chanels"],
  ["no user", { backend: good().backend }, "option-missing", "user"],
  ["an undefined user", { ...good(), user: undefined }, "option-missing", "user"],
  ["an empty user", { ...good(), user: "" }, "option-invalid", "user"],
  ["a user that is a number", { ...good(), user: 7 }, "option-invalid", "user"],
  ["an empty name", { ...good(), name: "" }, "option-invalid", "name"],
  ["a name with a line break", { ...good(), name: "a\nb" }, "option-invalid", "name"],
  ["no backend", { user: null }, "option-missing", "backend"],
  ["a backend that is a string", { user: null, backend: "/live" }, "option-invalid", "backend"],
  ["another backend", { user: null, backend: { kind: "pigeon", url: "/" } }, "option-invalid", "backend.kind"],
  ["a misspelled member", { user: null, backend: { kind: "everfresh", uri: "/" } }, "option-unknown", "backend.uri"],
  ["no url", { user: null, backend: { kind: "everfresh" } }, "option-invalid", "backend.url"],
  ["a url of another scheme", { user: null, backend: { kind: "everfresh", url: "ftp://a.test" } }, "option-invalid", "backend.url"],
  ["a url with a fragment", { user: null, backend: { kind: "everfresh", url: "/live#x" } }, "option-invalid", "backend.url"],
  ["a url with a password", { user: null, backend: { kind: "everfresh", url: "wss://u:p@a.test/" } }, "option-invalid", "backend.url"],
  ["an empty ladder", { user: null, backend: { ...good().backend, ladder: [] } }, "option-invalid", "backend.ladder"],
  ["a rung that is none", { user: null, backend: { ...good().backend, ladder: ["fax"] } }, "option-invalid", "backend.ladder"],
  ["a rung twice", { user: null, backend: { ...good().backend, ladder: ["ws", "ws"] } }, "option-invalid", "backend.ladder"],
  ["a ladder that is none", { user: null, backend: { ...good().backend, ladder: "ws" } }, "option-invalid", "backend.ladder"],
  ["a url that is none", { user: null, backend: { kind: "everfresh", url: "http://" } }, "option-invalid", "backend.url"],
  ["channels that are a string", { ...good(), channels: "tasks" }, "option-invalid", "channels"],
  ["a channel that is a number", { ...good(), channels: ["a", 5] }, "option-invalid", "channels[1]"],
  ["a channel of 256 bytes", { ...good(), channels: ["é".repeat(128)] }, "option-invalid", "channels[0]"],
  ["too many channels", { ...good(), channels: Array.from({ length: 51 }, (_, n) => `c${n}`) }, "option-invalid", "channels"],
  ["routes that are a list", { ...good(), events: ["tasks"] }, "option-invalid", "events"],
  ["a route that is a string", { ...good(), events: { a: "tasks" } }, "option-invalid", "events.a"],
  ["a key where a list of keys belongs", { ...good(), events: { "task-update": ["tasks", 5] } }, "option-invalid", 'events["task-update"][1]'],
  ["a date in a key", { ...good(), events: { a: [["tasks", { since: new Date(0) }]] } }, "option-invalid", "events.a[0][1].since"],
  ["not a number in a key", { ...good(), events: { a: [["tasks", NaN]] } }, "option-invalid", "events.a[0][1]"],
  ["undefined in a key", { ...good(), events: { a: [["tasks", undefined]] } }, "option-invalid", "events.a[0][1]"],
];
for (const [what, options, code, path] of wrong) {
  test(`${what} is refused, with its place and what was expected`, () => {
    assert.throws(
      () => parse(options),
      (error) => {
        assert.equal(error.name, "EverfreshError");
        assert.equal(error.code, code);
        assert.equal(error.path, path);
        assert.ok(error.expected.length > 0 && error.message.includes("expected") || code === "option-missing");
        return true;
      },
    );
  });
}

test("a key that contains itself is refused", () => {
  const key = ["tasks"];
  key.push(key);
  assert.throws(() => parse({ ...good(), events: { a: [key] } }), { code: "option-invalid" });
});

test("a long string is not repeated in the message", () => {
  const secret = "s".repeat(100);
  assert.throws(
    () => parse({ user: null, backend: { kind: secret, url: "/" } }),
    (error) => !error.message.includes(secret),
  );
});
