// A page whose server sends server-sent events and has no protocol, with sse-starlette.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fetched, heardOf, open, sharesAmongTabs, shows, survivesLoss, survivesRestart, survivesSilence, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { skip, wantsTokens, withServer } from "./lib/plain.mjs";

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
    await survivesRestart(here, tab);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("tabs share a stream, and the next leader has one of its own", async () => {
    await sharesAmongTabs(here, () => open(here, plain));
  });

  test("a server that replays tells what was missed, and one that has forgotten says so", async () => {
    const tab = await open(here, replays);
    await here.server.addTask("First");
    await shows(tab, "First");
    const before = await fetched(tab);
    await survivesLoss(here, tab, "While it is away");
    await here.server.kill();
    await here.server.restart();
    await here.server.addTask("Nobody heard of it", true);
    await shows(tab, "Nobody heard of it");
    await eventually("both are fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
  });

  test("a stream that is dead without a word is opened anew", async () => {
    await survivesSilence(here, await open(here, { ...plain, heartbeat: { every: 1000 } }));
  });
});

describe(`a server with sse-starlette that wants a token, in ${engine()}`, { skip }, () => {
  const here = withServer({ tokens: ["good", "better"] });

  test("one that is refused needs a login, and a new one is a new connection", async () => {
    await wantsTokens(here, plain);
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
