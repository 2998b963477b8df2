// A page whose server has no connections, and answers with ETags.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fetched, shows, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { skip, withServer } from "./lib/plain.mjs";

const backend = { kind: "http" };
const MAX_AGE_MS = 3000;
// Of several tabs some are hidden.
const contracts = JSON.stringify({
  tasks: { key: ["tasks"], maxAge: MAX_AGE_MS, hidden: "continue", probe: "/probe/tasks" },
});

describe(`a server that only answers, in ${engine()}`, { skip: skip || onceIsEnough().skip }, () => {
  const here = withServer({ tokens: ["good"] });
  const open = async () => {
    const tab = await visit(here, backend, { contracts, token: "good" });
    await tab.untilStatus("polling");
    return tab;
  };
  const unchanged = async () => (await here.server.stats()).unchanged;

  test("po8: what is the same is not fetched again, what changed is, and nothing is dialled", async () => {
    const tab = await open();
    await eventually("it is known by its tag", unchanged, (count) => count >= 1);
    const before = await fetched(tab);
    const count = await unchanged();
    await eventually("it was asked for several times", unchanged, (now) => now >= count + 3);
    assert.deepEqual(await fetched(tab), before);
    await here.server.addTask("Nobody tells of it", true);
    await shows(tab, "Nobody tells of it");
    assert.deepEqual(await fetched(tab), { ...before, tasks: before.tasks + 1 });
    const { counters } = await tab.snapshot();
    assert.equal(counters.dials, 0);
    assert.equal((await here.server.stats()).connects, 0);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("one tab asks for all, and the next does when it goes", async () => {
    const tabs = [await open(), await open(), await open()];
    await eventually("it is known by its tag", unchanged, (count) => count >= 3);
    const seen = [];
    for (const tab of tabs) {
      const { role, counters } = await tab.snapshot();
      seen.push([role, counters.probes > 0]);
    }
    assert.deepEqual(seen.map(([role, asks]) => (role === "leader") === asks), [true, true, true], JSON.stringify(seen));
    const [first] = tabs.splice(seen.findIndex(([role]) => role === "leader"), 1);
    await first.tab.close();
    await here.server.addTask("After the change", true);
    for (const tab of tabs) await shows(tab, "After the change");
  });

  test("a server that was away is asked again", async () => {
    const tab = await open();
    await here.server.kill();
    await here.server.restart();
    await here.server.addTask("After the restart", true);
    await shows(tab, "After the restart");
    await tab.untilStatus("polling");
  });
});
