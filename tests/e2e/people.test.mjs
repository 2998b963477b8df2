// Two people and two tabs in the demo: who is there, who edits, what becomes of a change, who is logged in.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const ENTER = "\uE007";

describe(`people in the demo, in ${engine()}`, () => {
  const here = stage();
  let ana;

  beforeEach(async () => {
    ana = await here.browser.open(here.server.url);
    await ana.untilStatus("connected");
  });

  const until = (tab, what, look, holds) => eventually(what, () => tab.run(look), holds);
  const held = "return document.querySelector(\"[data-testid='task-held']\")?.dataset.holder ?? null";
  const people = "return document.querySelectorAll(\"[data-testid='people'] [data-user]\").length";

  test("two people see each other, and that one of them edits a title", async () => {
    const ben = await here.browser.open(`${here.server.url}/?as=ben`);
    await ben.untilStatus("connected");
    for (const tab of [ana, ben]) await until(tab, "both are shown", people, (count) => count === 2);
    await ben.click("task-rename");
    await until(ana, "Ben holds the title", held, (holder) => holder === "ben");
    await ben.type("title-input", " for May");
    await ben.type("title-input", ENTER);
    await until(ana, "the title is free again", held, (holder) => holder === null);
    // The editor had selected the title: what was typed has taken its place, or was put behind it.
    await ana.untilShown("for May");
    const saved = (await here.server.tasks()).filter((task) => task.title.endsWith("for May"));
    assert.equal(saved.length, 1);
    await ben.close();
    await until(ana, "Ben has left", people, (count) => count === 1);
  });

  test("a change that the server refuses is shown with its reason, and can be discarded", async () => {
    await ana.type("task-title-input", "x".repeat(500));
    await ana.click("task-add");
    await eventually("it is set aside", () => ana.text("dead-letter"), (text) => text !== null);
    await ana.click("dead-discard");
    await eventually("it is gone", () => ana.text("dead-letter"), (text) => text === null);
    assert.ok(!(await here.server.tasks()).some((task) => task.title.startsWith("xxx")));
  });

  test("who logs in in one tab stops the other, which follows when it is asked to", async () => {
    const second = await here.browser.open(here.server.url);
    await second.untilStatus("connected");
    await second.click("person-button");
    await second.click("login-cleo");
    await until(second, "Cleo is there", "return document.querySelector(\"[data-testid='person-button']\").textContent", (text) => text.includes("Cleo"));
    await eventually("the first tab shows nothing", () => ana.text("fenced"), (text) => text !== null);
    await eventually("it says who is there", () => ana.text("fenced-follow"), (text) => text.includes("Cleo"));
    await ana.click("fenced-follow");
    await eventually("it goes on", () => ana.text("fenced"), (text) => text === null);
    await ana.untilStatus("connected");
    await here.server.addTask("Seen by Cleo");
    await ana.untilShown("Seen by Cleo");
    await second.untilShown("Seen by Cleo");
  });
});
