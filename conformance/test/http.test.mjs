// The suite itself once more: what is wrong without a socket, with writes, and with who may come in.

import { after, before, describe } from "node:test";

import { finds, of } from "./support/finds.mjs";
import { everfresh, listed, start } from "./support/servers.mjs";

/** Answers at this address get another status. */
const status = (path, change) => ({
  answer: (answer) => {
    if (answer.path === path) answer.status = change(answer.status, answer);
  },
});

/** A header that the server never hears. */
const without = (header) => ({ ask: ({ headers }) => void delete headers[header] });

/** Both ways without a socket. */
const both = (...names) => ["sse", "poll"].flatMap((way) => names.map((name) => `${way}: ${name}`));

const DOORS = [
  ["nothing, without a socket", {}, []],
  ["GET finds nothing", status("/live", () => 404), ["GET without an upgrade"]],
  ["GET is answered by a page", { answer: (answer) => void (answer.path === "/live" && (answer.text = "{}")) }, ["GET without an upgrade"]],
  ["every content type is taken", {
    ask: ({ path, headers }) => void (path.startsWith("/live/") && (headers["content-type"] = "application/x-ndjson")),
  }, ["another content type"]],
  ["every session is heard", status("/live/send", () => 204), ["a session that is not there"]],
  ["a large body is taken", status("/live/poll", (code) => (code === 413 ? 200 : code)), ["a body that is too large"]],
  ["a refusal is a fault of the server", {
    answer: (answer) => void (answer.path.startsWith("/live/") && answer.status >= 400 && (answer.status = 500)),
  }, both("another version", "before hello")],
  ["a stream of another type", {
    answer: (answer) => void (answer.path === "/live/sse" && answer.status === 200 && (answer.type = "text/plain")),
  }, ["sse: hello is answered by welcome"]],
  ["an event is lost without a socket", { spoil: of("ev", (ev) => (ev.s === 3 ? [] : [ev])) }, both("events are numbered")],
  ["an event comes twice without a socket", { spoil: of("ev", (ev) => [ev, ev]) }, both("events are numbered")],
  ["a line feed in a message of a stream", { spoil: of("ev", (ev) => [JSON.stringify(ev, null, 1)]) }, both("data comes as it was")],
  ["what a request says is not heard", { say: (body) => body.replace('{"t":"ping"', '{"t":"pang"') }, both("ping is answered by pong")],
];

const WRITES = [
  ["nothing, with writes", {}, []],
  ["a write is not told", { spoil: of("ev", () => []) }, ["a write is told", "a write that is sent again"]],
  ["nobody knows whose write it was", without("everfresh-client"), ["a write is told"]],
  ["a write is told by another name", { spoil: of("ev", (ev) => [{ ...ev, name: "changed" }]) }, ["a write is told"]],
  ["a write that is sent again is done again", without("idempotency-key"), ["a write that is sent again"]],
  ["another content under the same key", {
    answer: (answer) => void (answer.status === 422 && (answer.status = 201)),
  }, ["a write that is sent again"]],
  ["a write is told twice", { spoil: of("ev", (ev) => [ev, ev]) }, ["a write that is sent again"]],
  ["an old fence is good for ever", without("everfresh-fence"), ["a write under an old fence"]],
  ["a refusal without its code", {
    answer: (answer) => void (answer.status === 412 && (answer.text = answer.text.replace("stale_fence", "changed"))),
  }, ["a write under an old fence"]],
  ["the last write wins", { say: (body) => body.replace(/,"version":\d+/, "") }, ["a version that is not the last"]],
  ["a refusal without what it is now", {
    answer: (answer) => void (answer.status === 409 && (answer.text = answer.text.replace('"current"', '"was"'))),
  }, ["a version that is not the last"]],
  ["everything is sent again", without("if-none-match"), ["what did not change"]],
  ["a tag without quotes", {
    answer: ({ headers }) => void (headers.etag && (headers.etag = headers.etag.replaceAll('"', ""))),
  }, ["what did not change"]],
];

const MUTATIONS = [
  ["nothing, with mutations", {}, []],
  ["a mutation is never answered", { spoil: of("ack", () => []) }, ["a mutation is acked", "sse: a mutation is acked"]],
  ["an answer to another mutation", { spoil: of("ack", (ack) => [{ ...ack, id: ack.id + 1 }]) }, ["a mutation is acked", "poll: a mutation is acked"]],
  ["an answer without a status", { spoil: of("ack", ({ status, ...ack }) => [ack]) }, ["a mutation is acked"]],
  ["a mutation that is said again is done again", {
    say: (text) => text.replaceAll(/"key":"[^"]*"/g, () => `"key":"${Math.random()}"`),
  }, ["a mutation that is said again", "one key over HTTP and on the connection", "another mutation under the same key"]],
  ["the key of a request is not heard", without("idempotency-key"), ["one key over HTTP and on the connection"]],
  ["the last message is done first", {
    say: (text) => (text.split("\n").length > 9 ? text.split("\n").reverse().join("\n") : text),
  }, ["mutations in their order"]],
  ["a mutation is done whatever was written", { say: (text) => text.replace(/,"match":"(\\"|[^"])*"/, "") }, ["a mutation that is refused"]],
  ["it is not said whether to say it again", { spoil: of("err", ({ retry, ...err }) => [err]) }, ["a mutation that is refused", "more mutations than may wait"]],
  ["a refusal without the record", { spoil: of("err", ({ cur, ...err }) => [err]) }, ["a mutation that is refused"]],
  ["an old fence is good on the connection", { say: (text) => text.replace(/,"fences":"[^"]*"/, "") }, ["a mutation under an old fence"]],
  ["who says too much is not told", { spoil: of("err", (err) => (err.code === "too_many_muts" ? [] : [err])) }, ["more mutations than may wait"]],
  ["a mutation of a stranger is done", { say: (text) => (text.startsWith('{"t":"mut"') && text.includes('"id":1,') ? `{"t":"hello","v":1,"client":"x"}\n${text}` : text) }, ["a mutation before hello"]],
];

const taken = (one, other) => ({ say: (text) => text.replaceAll(`"token":"${one}"`, `"token":"${other}"`) });
const stray = { t: "ev", ch: "private", s: 1, name: "changed", data: {}, at: 1 };

const PEOPLE = [
  ["nothing, with people", {}, []],
  ["whoever comes is let in", taken("T3", "T1"), ["a token that nobody is known by", "auth with a token that nobody is known by"]],
  ["nobody is let in", taken("T1", "T3"), ["another token of the same person", "a channel that is not for this person"]],
  ["one person becomes another", taken("T2", "T1"), ["auth with a token of another person"]],
  ["a good token is not taken", { spoil: of("authd", () => []) }, ["another token of the same person"]],
  ["a wrong token ends all", { spoil: of("err", ({ id, ...err }) => [err]) }, [
    "auth with a token that nobody is known by", "a channel that is not for this person"]],
  ["every channel is for everybody", { say: (text) => text.replace('"private"', '"conformance-open"') }, ["a channel that is not for this person"]],
  ["a refusal that does not refuse", { spoil: of("pong", (pong) => [stray, pong]) }, ["events that are not for this person"]],
  ["another close code for strangers", { close: () => 4400 }, ["a token that nobody is known by", "auth with a token of another person"]],
];

for (const [kind, levels, rows] of [
  [everfresh, ["http"], DOORS],
  [everfresh, ["writes"], WRITES],
  [everfresh, ["mutations"], MUTATIONS],
  [listed, ["people"], PEOPLE],
]) {
  describe(levels.join(), () => {
    let server;
    before(async () => (server = await start(kind)));
    after(() => server.stop());
    finds(() => server, levels, rows);
  });
}
