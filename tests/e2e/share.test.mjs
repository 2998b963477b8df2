// Tabs that share what one of them fetches, counted on the way to the server.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { Rig, rigFolder } from "./lib/rig.mjs";
import { stage } from "./lib/stage.mjs";

const TABS = 3;
const ROUNDS = 10;
/** A fetch takes longer than it takes an event to reach all tabs. */
const LATENCY_MS = 150;

describe(`tabs that share in ${engine()}`, () => {
  const here = stage({ pages: rigFolder, proxy: true });
  let tabs;

  beforeEach(() => {
    tabs = [];
  });

  async function open() {
    for (let n = 0; n < TABS; n += 1) tabs.push(await Rig.open(here.browser, here.proxy, "ann", { share: "" }));
    for (const tab of tabs) await tab.untilStatus("connected");
    await eventually("all tabs know of all", () => counts(), (counted) => counted.every((tabs) => tabs === TABS));
    await here.server.addTask("Before");
    await allShow("Before");
    here.proxy.break({ latencyMs: LATENCY_MS });
  }

  async function counts() {
    const counted = [];
    for (const tab of tabs) counted.push((await tab.snapshot()).tabs);
    return counted;
  }

  async function allShow(title) {
    for (const tab of tabs) await eventually(`"${title}" is shown`, () => tab.shown(), (titles) => titles.includes(title));
    await eventually("nobody fetches", fetchers, (found) => found.length === 0);
  }

  async function fetchers() {
    const found = [];
    for (const tab of tabs) if (await tab.fetching()) found.push(tab);
    return found;
  }

  /** How many requests some events cost. */
  async function requests() {
    here.proxy.requests.clear();
    for (let round = 0; round < ROUNDS; round += 1) {
      await here.server.addTask(`Round ${round} of ${engine()}`);
      await allShow(`Round ${round} of ${engine()}`);
    }
    return here.proxy.requests.get("GET /api/tasks");
  }

  test("three tabs make one request for an event", async (t) => {
    await open();
    const shared = await requests();
    t.diagnostic(`${ROUNDS} events in ${TABS} tabs: ${shared} requests`);
    // A busy machine may bring an event to a tab when the others fetch already: that tab's is a second one.
    assert.ok(shared > 0 && shared <= 2 * ROUNDS, `${shared} requests`);
    for (const tab of tabs) assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("a tab that crashes while it fetches for all is replaced", devtoolsOnly(), async () => {
    await open();
    here.proxy.break({ latencyMs: 3000 });
    await here.server.addTask("Around the crash");
    const [fetcher] = await eventually("one tab fetches", fetchers, (found) => found.length > 0);
    tabs = tabs.filter((tab) => tab !== fetcher);
    await fetcher.tab.devtools("Page.crash");
    here.proxy.heal();
    await allShow("Around the crash");
  });
});
