// The tab that leads goes, again and again, while events and mutations flow; what is lost or doubled is
// counted at the server and in every tab that stays. EVERFRESH_ROUNDS says how often.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { stage } from "./lib/stage.mjs";

const ROUNDS = Number(process.env.EVERFRESH_ROUNDS ?? 3);
const TABS = 3;
/** Mutations that each tab makes in a round. */
const FEW = 5;

describe(`the leader goes, in ${engine()}`, () => {
  const here = stage({ own: true, pages: rigFolder });
  let rigs;

  beforeEach(() => {
    rigs = [];
  });

  async function open() {
    const rig = await Rig.open(here.browser, here.server);
    await rig.untilStatus("connected");
    rigs.push(rig);
  }

  async function leader() {
    const look = async () => {
      for (const rig of rigs) if ((await rig.leadsSince()) !== null) return rig;
      return null;
    };
    return eventually("one leads and is connected", look);
  }

  const titles = async () => (await here.server.tasks()).map((task) => task.title);

  /** Everything that was asked for is on the server once, and on every screen. */
  async function allIsThere(wanted) {
    const missing = (have) => wanted.filter((title) => !have.includes(title));
    await eventually("all is done", async () => missing(await titles()), (rest) => rest.length === 0);
    const all = await titles();
    assert.equal(new Set(all).size, all.length, "nothing is done twice");
    for (const rig of rigs) {
      await eventually("all is shown", async () => missing(await rig.shown()), (rest) => rest.length === 0);
      const heard = await rig.heard();
      assert.equal(new Set(heard).size, heard.length, "no event is told twice");
    }
  }

  /** @param go how the leader goes; what it returns is done when all is well again */
  async function rounds(t, go) {
    const wanted = [];
    const took = [];
    while (rigs.length < TABS) await open();
    for (let round = 0; round < ROUNDS; round += 1) {
      const leads = await leader();
      rigs = rigs.filter((rig) => rig !== leads);
      for (const [at, rig] of rigs.entries()) {
        const before = (await rig.tally()).accepted;
        await rig.add(`round ${round} tab ${at}`, FEW);
        await eventually("they are accepted", async () => (await rig.tally()).accepted === before + FEW);
        for (let n = 0; n < FEW; n += 1) wanted.push(`round ${round} tab ${at} ${n}`);
      }
      // Of what the leader makes now nobody knows whether it is accepted before it goes: once or not at all.
      await leads.add(`round ${round} leader`, FEW);
      const from = Date.now();
      const event = `round ${round} event`;
      const [back] = await Promise.all([go(leads), here.server.addTask(event)]);
      wanted.push(event);
      const next = await leader();
      took.push((await next.leadsSince()) - from);
      await allIsThere(wanted);
      await back?.();
      if (back !== undefined) rigs.push(leads);
      while (rigs.length < TABS) await open();
      await allIsThere(wanted);
    }
    took.sort((a, b) => a - b);
    t.diagnostic(`${engine()}: ${ROUNDS} rounds; the next one leads and is connected after ${took[took.length >> 1]} ms (median), ${took.at(-1)} ms at most`);
  }

  test("it is closed", async (t) => {
    await rounds(t, async (leads) => {
      await leads.tab.close();
    });
  });

  test("it crashes", devtoolsOnly(), async (t) => {
    await rounds(t, async (leads) => {
      // Answered when it has crashed; see many-tabs.test.mjs.
      await leads.tab.devtools("Page.crash");
    });
  });

  test("it is frozen, and thaws", devtoolsOnly(), async (t) => {
    await rounds(t, async (leads) => {
      await leads.tab.devtools("Page.setWebLifecycleState", { state: "frozen" });
      return () => leads.tab.devtools("Page.setWebLifecycleState", { state: "active" });
    });
  });
});
