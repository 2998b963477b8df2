// Every button of the lab in the scene of tasks, each followed by changes: all devices end equal, and what the
// instruments say is what the server has. `lab-scenes.test.mjs` does it in all three scenes at once.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { labOf } from "./lib/lab.mjs";
import { stage } from "./lib/stage.mjs";

describe(`the lab in ${engine()}`, () => {
  // A link that went deaf is noticed by its missing pings.
  const here = stage({ flags: ["--ping-ms", "1000"] });
  const { open, lab, labByHand, aim, untilSaid, untilLive, connected, reconnected, compareWithTheServer } = labOf(here);
  let page;
  let changes = 0;

  beforeEach(async () => {
    page = await open();
  });

  /** Somebody changes something: all devices show it in the end. */
  async function changeAndCompare(tabs = 3) {
    changes += 1;
    await here.server.addTask(`Change ${changes}`);
    await page.untilEqual(tabs);
  }

  test("the network of one device goes down, and the other goes on", async () => {
    await aim("d1");
    await lab("down");
    await untilLive("d1", false);
    await here.server.addTask("While one was away");
    // The tab of the other one shows it; the two of the first cannot.
    await eventually("one of three tabs is right", () => page.agreement(), ({ agree }) => agree === 1);
    assert.equal((await page.device("d2")).live, true);
    await page.pressIn("d1", 0, "task-status");
    await eventually("it waits", () => page.textIn("d1", 0, "view-queue"), (text) => text === "Queue1");
    await lab("heal");
    await untilLive("d1", true);
    await changeAndCompare();
    await eventually("nothing waits", () => page.textIn("d1", 0, "view-queue"), (text) => text === "Queue");
    await compareWithTheServer();
  });

  test("connections that are cut, go deaf, or whose token expires", async () => {
    await lab("cut");
    await untilSaid(/2 connections were cut/);
    await changeAndCompare();
    // What is read over again needs no connection; what is deafened has to be there.
    const all = await connected();
    await aim("d1");
    await lab("half-open");
    await untilSaid(/One connection is deaf/);
    await changeAndCompare();
    await reconnected(all, 1);
    await lab("expire");
    await untilSaid(/One token has expired/);
    await changeAndCompare();
    await untilLive("d1", true);
    await compareWithTheServer();
  });

  test("the server dies, and sends ten thousand events", async () => {
    await lab("kill");
    await eventually("it is dead", () => page.agreement(), ({ state }) => state === "alone");
    await page.untilEqual(3);
    await changeAndCompare();
    await lab("burst");
    await untilSaid(/Ten thousand events were sent/);
    await changeAndCompare();
    assert.ok((await here.server.stats()).events_total >= 10_000);
    await compareWithTheServer();
  });

  test("somebody else logs in, and the storage is full", async () => {
    await aim("d1");
    await lab("login");
    await eventually("the other tab shows nothing", () => page.textIn("d1", 1, "fenced"), (text) => text !== null);
    await page.pressIn("d1", 1, "fenced-follow");
    await page.untilDevice("d1", "Ben is there", ({ user }) => user === "ben");
    await changeAndCompare();
    await lab("fill");
    await untilSaid(/The storage is full/);
    await page.pressIn("d2", 0, "task-status");
    await eventually("it is not accepted", () => page.textIn("d2", 0, "task-trouble"), (text) => text !== null);
    await lab("fill");
    await untilSaid(/has room again/);
    await page.pressIn("d2", 0, "task-discard");
    await page.pressIn("d2", 0, "task-status");
    await changeAndCompare();
    await compareWithTheServer();
  });

  test("the clock jumps, and the page is hidden for a while", async () => {
    await aim("d1");
    await lab("clock");
    await untilSaid(/an hour ahead/);
    await changeAndCompare();
    await lab("clock");
    await untilSaid(/is right again/);
    await changeAndCompare();
    await labByHand("hide");
    await untilSaid(/hidden behind/);
    await here.server.addTask("While nobody looked");
    await page.untilEqual(3);
    await compareWithTheServer();
  });
});
