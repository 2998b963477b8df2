// The suite itself: each way to break the protocol is found, by the case that is about it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { finds, of } from "./support/finds.mjs";
import { everfresh, start } from "./support/servers.mjs";
import { suite } from "./support/suite.mjs";

const events = (said) => said.filter((message) => message.t === "ev").length;

const SPOILED = [
  ["nothing", {}, []],
  ["an event is lost", { spoil: of("ev", (ev) => (ev.s === 3 ? [] : [ev])) }, ["events are numbered", "everybody hears the same"]],
  ["an event comes twice", { spoil: of("ev", (ev) => [ev, ev]) }, ["a second sub", "events are numbered"]],
  ["two events change places", {
    spoil: of("ev", (ev, said) => [{ ...ev, s: events(said) < 2 ? 3 - ev.s : ev.s }]),
  }, ["events are numbered"]],
  ["numbers begin at 2", { spoil: of("ev", (ev) => [{ ...ev, s: ev.s + 1 }]) }, ["events are numbered"]],
  ["data is changed", { spoil: of("ev", (ev) => [{ ...ev, data: { ...ev.data, empty: null } }]) }, ["data comes as it was"]],
  ["a line feed in a message", { spoil: of("ev", (ev) => [JSON.stringify(ev, null, 1)]) }, ["data comes as it was"]],
  ["missed in the wrong order", { spoil: of("subd", (subd) => [{ ...subd, missed: subd.missed.reverse() }]) }, ["what was missed"]],
  ["a missed event is left out", {
    spoil: of("subd", (subd) => [{ ...subd, missed: subd.missed.slice(1) }]),
  }, ["what was missed", "a gap is closed on the same connection"]],
  ["all is said to be recovered", {
    spoil: of("subd", (subd) => [{ ...subd, recovered: subd.recovered === null ? null : true }]),
  }, ["a position of another epoch", "a position beyond the last event", "more was missed than is sent", "history is gone"]],
  ["nothing is said to be recovered", {
    spoil: of("subd", (subd) => [{ ...subd, recovered: subd.recovered === null ? null : false, missed: [] }]),
  }, ["what was missed", "nothing was missed"]],
  ["unasked for, and recovered", { spoil: of("subd", (subd) => [{ ...subd, recovered: true }]) }, ["sub is answered by subd"]],
  ["a subd too late", { spoil: of("subd", (subd) => [{ ...subd, pos: { ...subd.pos, s: subd.pos.s + 1 } }]) }, [
    "sub is answered by subd", "nothing is left out between subd and the first event"]],
  ["another number in pong", { spoil: of("pong", (pong) => [{ ...pong, n: pong.n + 1 }]) }, ["ping is answered by pong"]],
  ["a welcome without ping", { spoil: of("welcome", ({ ping, ...rest }) => [rest]) }, ["hello is answered by welcome"]],
  ["an err without id", { spoil: of("err", ({ id, ...rest }) => [rest]) }, ["the 51st subscription", "an empty channel name"]],
  ["a code that there is not", { spoil: of("err", (err) => [{ ...err, code: "oops" }]) }, ["another hello"]],
  ["another code", { spoil: of("err", (err) => [{ ...err, code: "internal" }]) }, [
    "another hello", "before hello", "another version", "no subprotocol", "a frame that is too large", "a bad frame: no JSON"]],
  ["another close code", { close: () => 1000 }, [
    "another hello", "before hello", "another version", "no subprotocol", "a frame that is too large", "around a bad message"]],
  ["nobody is told of leases", { spoil: of("lockev", () => []) }, ["a lease is given and given back", "who comes later"]],
  ["fences that do not grow", {
    spoil: of("lockd", (lockd) => [{ ...lockd, fence: 7 }]),
  }, ["fences grow", "the answer was lost"]],
  ["every lease is a new one", {
    spoil: of("lockd", (lockd, said) => [{ ...lockd, fence: lockd.fence + said.length }]),
  }, ["fences grow", "a lease comes back as long as nobody had the field"]],
  ["a lease never ends", { spoil: of("lockev", (lockev) => (lockev.holder ? [lockev] : [])) }, ["a lease ends by itself"]],
  ["it is not said why there is no lease", { spoil: of("err", (err) => [{ ...err, code: "forbidden" }]) }, [
    "somebody else has it", "another fence gives nothing back", "a lease comes back as long as nobody had the field"]],
  ["nobody leaves", { spoil: of("presence", (presence) => [{ ...presence, leave: {} }]) }, ["who comes, changes and leaves"]],
  ["those who hide are named", {
    spoil: of("presence", ({ join, ...rest }) => [
      { ...rest, join: Object.fromEntries(Object.entries(join).map(([name, one]) => [name, { ...one, user: "jane" }])) }]),
  }, ["who is anonymous"]],
  ["only half of those who are there", { spoil: of("presence", (presence) => [{ ...presence, join: {} }]) }, ["everybody who is there"]],
  ["signals of nobody", { spoil: of("sig", ({ from, ...rest }) => [rest]) }, ["signals"]],
  ["no err before the close", { spoil: of("err", () => []) }, ["a bad frame: a binary frame", "a space in a client id"]],
];

let server;
before(async () => (server = await start(everfresh)));
after(() => server.stop());

finds(() => server, ["core", "presence", "leases"], SPOILED);

test("what needs help that is not there is skipped, and said so", async () => {
  const result = await suite(server.live, "--level", "core", "--only", "events are numbered");
  assert.equal(result.code, 0);
  assert.deepEqual(result.cases.map(({ outcome, why }) => [outcome, why]), [["skipped", "needs --publish URL"]]);
});
