// Mutations in real storage, made by real tabs, counted at the real server.
// The numbers are those of the faults in docs/guarantees.md.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { stage } from "./lib/stage.mjs";

/** Made by two tabs at the same time. */
const MANY = 600;

describe(`mutations in ${engine()}`, () => {
  // The storage that a test leaves is nothing to the next one: a server, a profile and an origin each.
  const here = stage({ own: true, pages: rigFolder });

  /** How often each title stands on the server, for the titles that begin like this. */
  async function applied(prefix) {
    const titles = (await here.server.tasks()).map((task) => task.title).filter((title) => title.startsWith(prefix));
    return { count: titles.length, titles, different: new Set(titles).size };
  }

  async function untilApplied(prefix, count) {
    const seen = await eventually(`${count} of "${prefix}" are done`, () => applied(prefix), (seen) => seen.count >= count);
    assert.equal(seen.count, count);
    assert.equal(seen.different, count, "none is done twice");
    return seen.titles;
  }

  test("fault 45: what two tabs queue at the same time is done once, in the order of each", async () => {
    const tabs = [await Rig.open(here.browser, here.server), await Rig.open(here.browser, here.server)];
    for (const tab of tabs) await tab.untilStatus("connected");
    await tabs[0].run("rig.addWhenTold('first', arguments[0])", MANY / 2);
    await tabs[1].run("rig.addWhenTold('second', arguments[0])", MANY / 2);
    await tabs[1].run("new BroadcastChannel('rig').postMessage('go')");
    for (const tab of tabs) {
      await eventually("all are accepted", async () => (await tab.tally()).accepted, (count) => count === MANY / 2);
    }
    // One of them goes in the midst of it, and comes back.
    await tabs[0].tab.reload();
    for (const prefix of ["first", "second"]) {
      const titles = await untilApplied(prefix, MANY / 2);
      assert.deepEqual(titles, [...Array(MANY / 2).keys()].map((n) => `${prefix} ${n}`));
    }
    for (const tab of tabs) {
      await eventually("nothing is queued", async () => (await tab.snapshot()).queue.count, (count) => count === 0);
    }
    assert.equal((await tabs[1].tally()).applied, MANY / 2);
  });

  test("fault 46: where the storage is full the caller is told, and what was accepted before is done", async () => {
    const tab = await Rig.open(here.browser, here.server);
    await tab.untilStatus("connected");
    await here.server.kill();
    await tab.add("before", 5);
    await eventually("five are accepted", async () => (await tab.tally()).accepted, (count) => count === 5);
    await tab.run("rig.fill()");
    await tab.add("refused", 20);
    const { refused } = await eventually("all is answered", () => tab.tally(), ({ accepted, refused }) =>
      accepted + Object.values(refused).reduce((sum, count) => sum + count, 0) === 25);
    assert.deepEqual(Object.keys(refused), ["mutation-quota"]);
    const { accepted } = await tab.tally();
    await tab.run("rig.empty()");
    await tab.add("after", 3);
    await here.server.restart();
    await untilApplied("before", 5);
    await untilApplied("after", 3);
    // Refused is refused: nothing of it is done after all.
    assert.equal((await applied("refused")).count, accepted - 5);
  });

  test("fault 52: what one person queued is neither sent nor seen under another, and goes out when that one is back", async () => {
    const tab = await Rig.open(here.browser, here.server, "ann");
    await tab.untilStatus("connected");
    await here.server.kill();
    await tab.add("of ann", 5);
    await eventually("five are accepted", async () => (await tab.tally()).accepted, (count) => count === 5);
    assert.equal((await tab.listed()).length, 5);
    await tab.run("rig.live.setUser('bob')");
    await eventually("nothing is seen of them", async () => (await tab.snapshot()).queue.count, (count) => count === 0);
    assert.deepEqual(await tab.listed(), []);
    await here.server.restart();
    await tab.add("of bob", 2);
    await untilApplied("of bob", 2);
    // Another tab of the same browser, which starts as Bob, finds nothing of hers either.
    const other = await Rig.open(here.browser, here.server, "bob");
    await other.untilStatus("connected");
    assert.deepEqual(await other.listed(), []);
    assert.equal((await applied("of ann")).count, 0);
    await tab.run("rig.live.setUser('ann')");
    await untilApplied("of ann", 5);
  });

  test("fault 57: a tab that is loaded again in the midst of a backlog goes on with it", async () => {
    const tab = await Rig.open(here.browser, here.server);
    await tab.untilStatus("connected");
    await here.server.kill();
    await tab.add("backlog", 50);
    await eventually("all are accepted", async () => (await tab.tally()).accepted, (count) => count === 50);
    await here.server.restart();
    for (let n = 0; n < 5; n += 1) await tab.tab.reload();
    const titles = await untilApplied("backlog", 50);
    assert.deepEqual(titles, [...Array(50).keys()].map((n) => `backlog ${n}`));
  });
});
