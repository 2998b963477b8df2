// The calendar: blocks that are carried by keyboard and pointer, seen by others, refused where there is no room.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const [ENTER, ESCAPE, UP, RIGHT, DOWN] = ["\uE007", "\uE00C", "\uE013", "\uE014", "\uE015"];
const HOUR = 3_600_000;

describe(`the calendar in ${engine()}`, () => {
  const here = stage({ own: true });
  let ana;

  const open = async (query = "") => {
    const tab = await here.browser.open(`${here.server.url}/calendar${query}`);
    await tab.untilStatus("connected");
    await eventually("the days are there", () => tab.data("calendar", "loaded"), (loaded) => loaded === "true");
    return tab;
  };

  beforeEach(async () => {
    ana = await open();
  });

  /** The blocks of the first day, as a tab shows them. */
  const blocks = (tab) =>
    tab.run(`return [...document.querySelectorAll("[data-testid='block']")].map(({ dataset, textContent }) => ({
      id: dataset.id, start: Number(dataset.start), state: dataset.state, conflict: dataset.conflict, text: textContent }))`);
  const named = async (tab, title) => (await blocks(tab)).find(({ text }) => text.startsWith(title));
  const selector = (id) => `[data-testid='block'][data-id='${id}'] button`;
  const untilAt = (tab, id, start) =>
    eventually(`block ${id} is there`, async () => (await blocks(tab)).find((block) => block.id === id)?.start, (seen) => seen === start);

  test("what one person moves, another sees, who asks for the days concerned and no others", async () => {
    const ben = await open("?as=ben");
    const focus = await named(ana, "Write the landing page");
    const askedAt = () => ben.run("return [...document.querySelectorAll('.week-asked')].map(({ textContent }) => textContent)");
    const day = focus.start - (focus.start % (24 * HOUR));
    // Which days an event made him ask for. A day may be asked for at any time because its contract says so.
    const told = () =>
      ben.run(`
        dispatchEvent(new CustomEvent("everfresh:debug", { detail: "" }));
        return Object.values(window.__everfresh)[0].diagnostics().journal.entries
          .filter(({ part, what, by }) => part === "invalidation" && what === "told" && by === "timeblock_updated")
          .flatMap(({ keys }) => keys).filter((key) => key.length === 4);`);
    // The first move may be one of the reasons to ask for the day, and his arrival the one that is told. The second stands alone.
    await ana.fill(selector(focus.id), ENTER + DOWN.repeat(8) + ENTER);
    await untilAt(ben, focus.id, focus.start + 2 * HOUR);
    const [beforeIt] = await askedAt();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // The times shown are of seconds.
    await ana.fill(selector(focus.id), ENTER + UP.repeat(4) + ENTER);
    await untilAt(ben, focus.id, focus.start + HOUR);
    const seen = new Map((await told()).map((key) => [key.join(), key]));
    assert.deepEqual([...seen.values()], [["timeblocks", "range", new Date(day).toISOString(), new Date(day + 24 * HOUR).toISOString()]]);
    // And it is seen when that day was asked for.
    assert.notEqual((await askedAt())[0], beforeIt);
    await untilAt(ana, focus.id, focus.start + HOUR);
  });

  test("from one day to another by pointer, and back by keyboard until it is put down", async () => {
    const call = await named(ana, "Call with the printer");
    const column = await ana.run("return document.querySelector('.week-grid').getBoundingClientRect().width / getComputedStyle(document.querySelector('.week-grid')).getPropertyValue('--days')");
    await ana.drag(selector(call.id), Math.round(column), 0);
    const tuesday = call.start + 24 * HOUR;
    await eventually("it was kept", async () => (await blocks(ana)).find(({ id }) => id === call.id), ({ start, state }) => start === tuesday && state === "saved");
    await ana.fill(selector(call.id), ENTER + UP.repeat(2) + RIGHT + ESCAPE);
    await untilAt(ana, call.id, tuesday);
    const kept = await (await fetch(`${here.server.url}/api/blocks?from=${tuesday}&to=${tuesday + HOUR}`)).json();
    assert.deepEqual(kept.map(({ id, start, version }) => ({ id, start, version })), [{ id: call.id, start: tuesday, version: 2 }]);
  });

  test("where there is no room free times are offered, and what the server refuses comes back", async () => {
    const standUp = await named(ana, "Stand-up");
    await ana.fill(selector(standUp.id), ENTER + DOWN.repeat(4));
    const taken = await ana.text("held-words");
    assert.match(taken, /taken by Write the landing page\. Free: /);
    assert.equal((await named(ana, "Write the landing page")).conflict, "true");
    await ana.fill(selector(standUp.id), ENTER);
    await ana.click("clash-anyway");
    const trouble = await eventually("it came back", () => ana.text("block-trouble"), (text) => text !== null);
    assert.match(trouble, /taken by “Write the landing page”/);
    await untilAt(ana, standUp.id, standUp.start);
    await ana.click("block-discard");
    await eventually("nothing is left of it", () => ana.data("queue", "dead"), (dead) => dead === "0");
    await ana.fill(selector(standUp.id), ENTER + DOWN.repeat(4) + ENTER);
    await ana.click("clash-free");
    await eventually("it was moved", () => named(ana, "Stand-up"), ({ start, state }) => start !== standUp.start && state === "saved");
  });
});
