// What becomes of changes and promises that could not be kept, as the demo shows it: a conflict of two people, a
// change that was refused, a contract that was broken.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const ENTER = "\uE007";

describe(`letters in the demo, in ${engine()}`, () => {
  const here = stage({ own: true, proxy: true });
  let ana;

  beforeEach(async () => {
    ana = await here.browser.open(here.proxy.url);
    await ana.untilStatus("connected");
  });

  const shown = (tab, testId) => eventually(`${testId} is shown`, () => tab.text(testId), (text) => text !== null);
  const gone = (tab, testId) => eventually(`${testId} is gone`, () => tab.text(testId), (text) => text === null);
  /** Takes the place of what stands in a field. */
  async function replace(tab, testId, text) {
    await tab.run("document.querySelector(`[data-testid='${arguments[0]}']`).select()", testId);
    await tab.type(testId, text);
  }

  /** Ana changes a title where nobody can hear of it, and somebody else is faster. */
  async function conflict(theirs, mine) {
    const [task] = await here.server.tasks();
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    await eventually("she is cut off", () => ana.status(), (status) => status !== "connected");
    const row = `[data-testid='task-item'][data-id='${task.id}']`;
    await ana.press(`${row} [data-testid='task-rename']`);
    await replace(ana, "title-input", mine);
    await ana.type("title-input", ENTER);
    await eventually("it waits", () => ana.run("return document.querySelector(arguments[0]).dataset.state", row), (state) => state !== "idle");
    await here.server.renameTask(task.id, theirs);
    here.proxy.heal();
    await shown(ana, "conflict");
    assert.deepEqual([await ana.text("conflict-theirs"), await ana.text("conflict-mine")], [theirs, mine]);
    return async () => (await here.server.tasks()).find(({ id }) => id === task.id).title;
  }

  for (const [choice, title] of [["take-theirs", "Theirs"], ["take-mine", "Mine"], ["take-merged", "Both"]]) {
    test(`two people change one title: ${choice}`, async () => {
      const saved = await conflict("Theirs", "Mine");
      if (choice === "take-merged") await replace(ana, "merged-title", title);
      await ana.click(choice);
      await gone(ana, "conflict");
      await eventually("the server has it", saved, (seen) => seen === title);
      await ana.untilShown(title);
    });
  }

  test("a change that was refused is tried again as it is, and then as somebody has mended it", async () => {
    const sent = () => here.proxy.requests.get("POST /api/tasks") ?? 0;
    await ana.type("task-title-input", "x".repeat(500));
    await ana.click("task-add");
    assert.match(await shown(ana, "dead-letter"), /Refused/);
    const before = sent();
    await ana.click("dead-retry");
    await eventually("it is sent again", sent, (count) => count === before + 1);
    // A reload takes nothing away.
    await ana.reload();
    assert.match(await shown(ana, "dead-letter"), /Refused/);
    await ana.click("dead-edit");
    await replace(ana, "dead-title", "As short as it has to be");
    await ana.click("dead-send");
    await gone(ana, "dead-letter");
    await ana.untilShown("As short as it has to be");
    const titles = (await here.server.tasks()).map(({ title }) => title);
    assert.equal(titles.filter((title) => title === "As short as it has to be" || title.startsWith("xxx")).length, 1);
  });

  test("a contract that is broken is shown with its cause, and what led to it in words", async () => {
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    assert.match(await shown(ana, "violation-server"), /^Broken once, last by a server that failed or was out of reach$/);
    await ana.click("explain-server");
    const chain = () => ana.run("return [...document.querySelectorAll(\"[data-testid='explain-chain'] li\")].map((item) => item.innerText)");
    const told = await eventually("what was decided is listed", chain, (lines) => lines.length > 0);
    for (const line of told) assert.doesNotMatch(line, /[{}]|undefined/, "it is in words");
    for (const words of [/\["server","stats"\]: the fetch failed\s+TanStack Query/, /may have changed\s+the contract server: it was time/]) {
      assert.ok(told.some((line) => words.test(line)), `${words} in\n${told.join("\n")}`);
    }
    const raw = JSON.parse(await ana.run("return document.querySelector(\"[data-testid='explain-raw'] pre\").textContent"));
    assert.equal(raw.chain.length >= told.length, true);
    here.proxy.heal();
    await ana.untilStatus("connected");
    assert.equal(await ana.data("contract-server", "violations"), "1");
  });
});
