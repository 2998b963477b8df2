// Eight pages with a contract each: a timer that tabs share, a form that nothing is refreshed under, looks that cost a
// line where nothing has changed.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const ENTER = "\uE007";

describe(`the contracts in ${engine()}`, () => {
  const here = stage({ own: true });
  let tab;

  const open = async (query = "") => {
    const one = await here.browser.open(`${here.server.url}/contracts${query}`);
    await one.untilStatus("connected");
    await until(one, "focus", "fresh");
    return one;
  };
  const state = (one, page) => one.data(`contract-${page}`, "state");
  const until = (one, page, wanted) => eventually(`${page} is ${wanted}`, () => state(one, page), (seen) => seen === wanted);

  beforeEach(async () => {
    tab = await open();
  });

  test("all eight are kept as they say", async () => {
    for (const page of ["planner", "quests", "habits", "progress", "books"]) await until(tab, page, "fresh");
    for (const page of ["dailyPlan", "admin"]) await until(tab, page, "manual");
    for (const page of ["focus", "planner", "dailyPlan", "quests", "habits", "progress", "books", "admin"]) {
      assert.equal(await tab.data(`contract-${page}`, "violations"), "0", page);
    }
  });

  test("a focus session is seen on another device, and its pause in the other tab of this one", async () => {
    await tab.click("focus-start");
    const session = await eventually("it runs", () => tab.data("focus-clock", "session"), (id) => id !== null);
    const second = await open();
    assert.equal(await second.data("focus-clock", "session"), session);
    await tab.click("focus-pause");
    await eventually("the other tab rests too", () => second.data("focus-clock", "paused"), (paused) => paused === "true");
    const ben = await open("?as=ben");
    assert.equal(await ben.data("focus-clock", "session"), session);
    await second.click("focus-stop");
    await eventually("it is over", () => second.data("focus-clock", "session"), (id) => id === null);
    const kept = await eventually("the server has it", () => here.server.tasks(), (tasks) => tasks.some(({ id, status }) => id === session && status === "done"));
    assert.equal(kept.filter(({ project }) => project === "focus").length, 1);
  });

  test("a form pauses its page, and what it adds is there afterwards", async () => {
    await until(tab, "books", "fresh");
    await tab.click("book-open");
    await until(tab, "books", "disabled");
    await tab.type("book-title", `The Waves${ENTER}`);
    await until(tab, "books", "fresh");
    await eventually("it is there", () => tab.text("page-books"), (text) => text.includes("The Waves"));
  });

  test("looking again costs a line where nothing has changed", async () => {
    const count = async (name) => Number(await tab.data("saved", name));
    const before = await count("unchanged");
    await tab.click("refresh-dailyPlan");
    await eventually("nothing had changed", () => count("unchanged"), (unchanged) => unchanged > before);
    await tab.click("step-quests");
    await eventually("the step is taken", () => here.server.tasks(), ([task]) => task.version > 1);
    await eventually("progress knows", () => tab.text("page-progress"), (text) => text.startsWith("2 of"));
  });
});
