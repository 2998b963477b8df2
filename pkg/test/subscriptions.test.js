import assert from "node:assert/strict";
import { test } from "node:test";
import { Interest } from "../dist/interest.js";
import { Listeners, subscription } from "../dist/listeners.js";

test("a listener that throws is reported and keeps nobody from being called", () => {
  const reported = [];
  const heard = [];
  const listeners = new Listeners((error) => reported.push(error.message));
  listeners.add(() => {
    throw new Error("mine");
  });
  listeners.add((value) => heard.push(value));
  listeners.emit(1);
  listeners.emit(2);
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(reported, ["mine", "mine"]);
});

test("a listener that is removed during a call is not called any more, a new one not yet", () => {
  const heard = [];
  const listeners = new Listeners(assert.ifError);
  listeners.add(() => {
    heard.push("first");
    stopSecond();
    listeners.add(() => heard.push("new"));
  });
  const stopSecond = listeners.add(() => heard.push("second"));
  listeners.emit();
  assert.deepEqual(heard, ["first"]);
});

test("a subscription ends once: by its function or by its signal", () => {
  let ends = 0;
  const start = () => () => (ends += 1);
  const { signal } = new AbortController();
  const end = subscription(signal, start);
  end();
  end();
  assert.equal(ends, 1);

  const controller = new AbortController();
  const other = subscription(controller.signal, start);
  controller.abort();
  other();
  assert.equal(ends, 2);
});

test("with a signal that has aborted nothing starts", () => {
  subscription(AbortSignal.abort(), () => assert.fail("started"))();
});

test("the same function subscribed twice is two subscriptions", () => {
  let calls = 0;
  const listeners = new Listeners(assert.ifError);
  const listener = () => (calls += 1);
  const end = listeners.add(listener);
  listeners.add(listener);
  listeners.emit();
  end();
  listeners.emit();
  assert.equal(calls, 3);
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

function interest(fixed = []) {
  const told = [];
  return { told, interest: new Interest(fixed, (name, wanted) => told.push(`${wanted ? "+" : "-"}${name}`)) };
}

test("what was wanted before the engine ran is told when it runs", () => {
  const { told, interest: channels } = interest();
  channels.want("a");
  channels.want("a");
  channels.want("b")();
  assert.deepEqual(told, []);
  channels.open();
  assert.deepEqual(told, ["+a"]);
});

test("several who want a name are one, and the last to leave ends it", async () => {
  const { told, interest: channels } = interest();
  channels.open();
  const first = channels.want("a");
  const second = channels.want("a");
  await settled();
  first();
  await settled();
  assert.deepEqual(told, ["+a"]);
  second();
  await settled();
  assert.deepEqual(told, ["+a", "-a"]);
});

test("leaving and wanting again in one go tells nothing", async () => {
  const { told, interest: channels } = interest();
  channels.open();
  const leave = channels.want("a");
  await settled();
  leave();
  channels.want("a");
  await settled();
  assert.deepEqual(told, ["+a"]);
});

test("names of the configuration are never told", async () => {
  const { told, interest: channels } = interest(["fixed"]);
  channels.open();
  channels.want("fixed")();
  await settled();
  assert.deepEqual(told, []);
});

test("an engine that comes back is told again", async () => {
  const { told, interest: channels } = interest();
  channels.open();
  channels.want("a");
  await settled();
  channels.shut();
  channels.want("b");
  await settled();
  channels.open();
  assert.deepEqual(told, ["+a", "+a", "+b"]);
});
