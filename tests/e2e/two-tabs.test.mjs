// Two tabs follow a server over one socket: the way of an event through all floors.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { connections, stage } from "./lib/stage.mjs";

describe(`two tabs in ${engine()}`, () => {
  const here = stage();
  let first;
  let second;

  beforeEach(async () => {
    first = await here.browser.open(here.server.url);
    await first.untilRole("leader");
    await first.untilStatus("connected");
    second = await here.browser.open(here.server.url);
    await second.untilRole("follower");
    await second.untilStatus("connected");
  });

  test("a change elsewhere reaches both tabs over one socket", async () => {
    assert.equal(await connections(here), 1);
    await here.server.addTask("Seen by both tabs");
    await first.untilShown("Seen by both tabs");
    await second.untilShown("Seen by both tabs");
    assert.equal(await connections(here), 1);
  });

  test("a change in one tab reaches the other", async () => {
    await second.type("task-title-input", "Added by hand");
    await second.click("task-add");
    await second.untilShown("Added by hand");
    await first.untilShown("Added by hand");
    const titles = (await here.server.tasks()).map((task) => task.title);
    assert.equal(titles.filter((title) => title === "Added by hand").length, 1);
  });

  test("data that did not change is answered by 304", async () => {
    const before = (await here.server.stats()).not_modified_total;
    await second.click("refetch");
    await eventually(
      "the server answered 304",
      async () => (await here.server.stats()).not_modified_total,
      (now) => now > before,
    );
    await eventually("the page counts it", () => second.count("counter-304"));
  });

  test("a server that is killed and started again is found without a reload", async () => {
    await here.server.kill();
    await first.untilStatus("reconnecting");
    await second.untilStatus("reconnecting");
    await here.server.restart();
    await first.untilStatus("connected");
    await second.untilStatus("connected");
    await here.server.addTask("After the restart");
    await first.untilShown("After the restart");
    await second.untilShown("After the restart");
    assert.ok(await first.stillLoaded());
    assert.ok(await second.stillLoaded());
    assert.equal(await connections(here), 1);
  });

  test("what happened while the link was cut is caught up", async () => {
    const task = await here.server.addTask("Before the cut");
    await first.untilShown("Before the cut");
    await here.server.cut();
    await here.server.renameTask(task.id, "While it was cut");
    await first.untilShown("While it was cut");
    await second.untilShown("While it was cut");
  });

  test("when the tab with the socket is closed the other goes on", async () => {
    await first.close();
    await second.untilRole("leader");
    await second.untilStatus("connected");
    await here.server.addTask("After the leader left");
    await second.untilShown("After the leader left");
    assert.ok(await second.stillLoaded());
    await eventually("one socket is open", () => connections(here), (open) => open === 1);
  });

  test("what a part decides is in the console while it is asked for, and the diagnostics are on the window", async () => {
    await first.run(`window.said = [];
      for (const way of ["log", "info", "debug"]) {
        const tell = console[way];
        console[way] = (...words) => { said.push(words.map(String).join(" ")); tell.apply(console, words); };
      }`);
    const said = () => first.run("return said.splice(0)");
    await here.server.addTask("Before anybody asked");
    await first.untilShown("Before anybody asked");
    assert.deepEqual(await said(), []);
    await first.click("log-invalidation");
    await here.server.addTask("While somebody asks");
    await eventually("the part says what it decides", said, (lines) => lines.some((line) => line.includes("invalidation")));
    await first.click("log-invalidation");
    await said();
    await here.server.addTask("Nobody asks any more");
    await first.untilShown("Nobody asks any more");
    assert.deepEqual(await said(), []);
    await first.click("diagnostics");
    const where = await eventually("it is said where they are", () => first.text("diagnostics-at"));
    assert.equal(await first.run(`return ${where}.snapshot.status`), "connected");
  });
});
