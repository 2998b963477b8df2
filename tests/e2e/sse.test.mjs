// A page whose server sends server-sent events and has no protocol, with sse-starlette.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { fetched, heardOf, open, severalTabs, shows, skip, visit, withServer } from "./lib/plain.mjs";
import { connections } from "./lib/stage.mjs";

const plain = { kind: "sse", url: "/events" };
const replays = { ...plain, replays: true, reset: "reset" };

describe(`a server with sse-starlette in ${engine()}`, { skip }, () => {
  const here = withServer({ pingS: 1 });

  test("events make queries stale, and after a restart what was missed costs one fetch of each query", async () => {
    const tab = await open(here, plain);
    const before = await fetched(tab);
    await here.server.addTask("By an event");
    await shows(tab, "By an event");
    assert.deepEqual(await heardOf(tab, "task_created"), [["*", { title: "By an event" }]]);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    await here.server.kill();
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await tab.untilStatus("connected");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    await here.server.addTask("Afterwards");
    await shows(tab, "Afterwards");
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 3, counts: before.counts + 1 });
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("tabs share a stream, and the next leader has one of its own", async () => {
    await severalTabs(here, plain);
  });

  test("a server that replays tells what was missed, and one that has forgotten says so", async () => {
    const tab = await open(here, replays);
    await here.server.addTask("First");
    await shows(tab, "First");
    const before = await fetched(tab);
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    await eventually("the server notices", () => connections(here), (open) => open === 0);
    await here.server.addTask("While it is away");
    here.proxy.heal();
    await shows(tab, "While it is away");
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    await here.server.kill();
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
  });

  test("a stream that is dead without a word is opened anew", async () => {
    const tab = await open(here, { ...plain, heartbeat: { every: 1000 } });
    here.proxy.break({ deaf: true });
    await eventually("it is noticed", () => tab.snapshot(), ({ status }) => status !== "connected");
    here.proxy.heal();
    here.proxy.cut();
    await here.server.addTask("After the silence");
    await shows(tab, "After the silence");
  });
});

describe(`a server with sse-starlette that wants a token, in ${engine()}`, { skip }, () => {
  const here = withServer({ tokens: ["good", "better"] });

  test("one that is refused needs a login, and a new one is a new connection", async () => {
    const tab = await visit(here, plain, { token: "bad" });
    await tab.untilStatus("needs-auth");
    assert.equal((await tab.snapshot()).authenticated, false);
    await tab.run("rig.logIn('good')");
    await tab.untilStatus("connected");
    const { connects } = await here.server.stats();
    await tab.run("rig.logIn('better')");
    await eventually("it is told of the next", () => here.server.stats(), (stats) => stats.connects > connects);
    await eventually("one stream is open", () => connections(here), (open) => open === 1);
  });
});

describe(`a server that answers without a stream, in ${engine()}`, { skip }, () => {
  const portal = withServer({ answer: 200 });

  test("a page in its place is a fault, and is asked again", async () => {
    const tab = await visit(portal, plain);
    await eventually("it is tried again", () => tab.snapshot(), ({ counters }) => counters.dials >= 3);
    const faults = await tab.run("return rig.faults");
    assert.ok(faults.every((fault) => fault === "bad-frame: the answer is no stream of events"), `${faults}`);
  });
});

describe(`a server that wants nobody, in ${engine()}`, { skip }, () => {
  const here = withServer({ answer: 204 });

  test("is not asked again", async () => {
    const tab = await visit(here, plain);
    await tab.untilStatus("failed");
    assert.equal((await tab.snapshot()).counters.dials, 1);
  });
});
