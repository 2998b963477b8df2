// Every button of the lab in the tasks, the calendar and the contracts at once, each scene in a tab of its own: all
// devices end equal, and what the instruments say is what the server has.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { WAYS_MS, eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { labOf } from "./lib/lab.mjs";
import { stage } from "./lib/stage.mjs";

const QUARTER = 15 * 60_000;
const DAY = 24 * 3_600_000;

/** A task of another project than that of the quests. */
const FAIR = 5;

describe(`the lab in all scenes in ${engine()}`, () => {
  // A link that went deaf is noticed by its missing pings.
  const here = stage({ flags: ["--ping-ms", "1000"] });
  const { open, lab, labByHand, neverPressed, aim, untilSaid, untilLive, connected, reconnected, faults, compareWithTheServer } = labOf(here);
  let page;
  let round = 0;

  beforeEach(async () => {
    page = await open();
    round = 0;
    await page.sceneOn("d1", 0, "calendar");
    await page.sceneOn("d2", 0, "contracts");
    await untilShown();
    await page.untilEqual(3);
  });

  async function untilShown() {
    // A frame has no room for a whole week, and shows today first.
    await eventually("d1 shows Monday", () => page.turnBackIn("d1", 0), (there) => there);
    await eventually("d1 shows its days", () => page.textIn("d1", 0, "calendar"), (text) => text?.includes("Stand-up") ?? false);
    await eventually("d1 shows its tasks", () => page.dataIn("d1", 1, "task-status", "testid"), ({ length }) => length > FAIR);
    await eventually("d2 shows its steps", () => page.dataIn("d2", 0, "step-quests", "status"), ({ length }) => length === 3);
  }

  /** A block is carried a quarter of an hour further, or back, a task is set, and a step is taken. */
  async function act() {
    round += 1;
    await page.keysIn("d1", 0, "[data-testid='block-button'][data-title^='Write']", ["Enter", round % 2 === 1 ? "ArrowDown" : "ArrowUp", "Enter"]);
    await page.pressIn("d1", 1, "task-status", FAIR);
    await page.pressIn("d2", 0, "step-quests");
  }

  /** Somebody else does the same on the server. */
  async function actElsewhere() {
    const block = (await blocks()).find(({ title }) => title === "Contrast check");
    const by = round % 2 === 1 ? QUARTER : -QUARTER;
    await here.server.send("PATCH", `/api/blocks/${block.id}`, { start: block.start + by, end: block.end + by });
    await here.server.addTask(`Beside round ${round}`);
  }

  const blocks = () => here.server.ask(`/api/blocks?from=${Date.now() - 8 * DAY}&to=${Date.now() + 8 * DAY}`);
  const quests = async () => {
    const tasks = await here.server.ask("/api/tasks?project=website");
    return tasks.slice(0, 3).map(({ id, status }) => `${id} ${status}`);
  };
  const shownQuests = async (device = "d2", index = 0) => {
    const [ids, statuses] = await Promise.all(["id", "status"].map((name) => page.dataIn(device, index, "step-quests", name)));
    return ids.map((id, index) => `${id} ${statuses[index]}`);
  };

  /** All that was done is through, and all tabs have it: of the contracts, which promise no more, when they are asked. */
  async function compare(tabs = 3) {
    for (const device of ["d1", "d2"]) await eventually(`nothing waits on ${device}`, () => page.textIn(device, 0, "view-queue"), (text) => text === "Queue");
    await page.untilEqual(tabs);
    await page.pressIn("d2", 0, "refresh-quests");
    const wanted = await quests();
    await eventually(`the quests are ${wanted}`, () => shownQuests(), (seen) => seen.join() === wanted.join());
  }

  async function actAndCompare() {
    await act();
    await actElsewhere();
    await compare();
  }

  const untilWaits = async () => {
    for (const [device, words] of [["d1", "Queue2"], ["d2", "Queue1"]]) {
      await eventually(`it waits on ${device}`, () => page.textIn(device, 0, "view-queue"), (text) => text === words);
    }
  };

  test("networks that are down, slow and lossy, and without sockets and streams", async () => {
    await lab("down");
    for (const device of ["d1", "d2"]) await untilLive(device, false);
    await act();
    await actElsewhere();
    await untilWaits();
    await lab("heal");
    await compare();
    // Before the bad network: whoever failed to dial a few times there takes its time to go down the ladder.
    await lab("no-sockets");
    for (const device of ["d1", "d2"]) await page.untilDevice(device, "an event stream", ({ live, link }) => live && link.includes("event stream"), WAYS_MS);
    await actAndCompare();
    await lab("no-streams");
    for (const device of ["d1", "d2"]) await page.untilDevice(device, "polling", ({ live, link }) => live && link.includes("polling"), WAYS_MS);
    await actAndCompare();
    await lab("heal");
    await actAndCompare();
    // One device after the other, so that the page around them is as quick as ever.
    for (const device of ["d1", "d2"]) {
      await aim(device);
      await lab("slow");
      await lab("loss");
    }
    const bad = ({ fault }) => fault.latency_ms === 2000 && fault.loss_percent === 30;
    await eventually("both are on, twice", faults, (on) => on.length === 2 && on.every(bad));
    await actAndCompare();
    await lab("heal");
    await eventually("nothing is on", faults, (on) => on.length === 0);
    await aim("all");
    await actAndCompare();
    await compareWithTheServer();
  });

  test("connections that are cut, go deaf, or whose token expires; a server that dies, and sends ten thousand events", async () => {
    await lab("cut");
    await untilSaid(/2 connections were cut/);
    await actAndCompare();
    const all = await connected();
    await lab("half-open");
    await untilSaid(/2 connections are deaf/);
    await actAndCompare();
    await reconnected(all, 2);
    await lab("expire");
    await untilSaid(/2 tokens have expired/);
    await actAndCompare();
    for (const device of ["d1", "d2"]) await untilLive(device, true);
    await compareWithTheServer();
    await lab("kill");
    await act();
    await eventually("it is dead", () => page.agreement(), ({ state }) => state === "alone");
    await compare();
    await lab("burst");
    await untilSaid(/Ten thousand events were sent/);
    await actAndCompare();
    await compareWithTheServer();
  });

  test("the tab with the connection stands still: another one takes it over, and none misses anything", async () => {
    const windowOf = (device) =>
      page.run(
        `const tab = document.querySelector(\`[data-device='\${arguments[0]}'] [data-apart='true']\`);
        return { role: tab?.dataset.role, ...tab?.querySelector("[data-testid='in-window']").dataset }`,
        device,
      );
    // All three scenes on the device that it happens to.
    await page.press("add-tab", "[data-device='d1']");
    await page.untilEqual(4);
    await page.sceneOn("d1", 2, "contracts");
    await eventually("a tab of d1 shows its steps", () => page.dataIn("d1", 2, "step-quests", "status"), ({ length }) => length === 3);
    await aim("d1");
    await labByHand("still");
    await untilSaid(/Ana’s connection stands still/);
    await untilLive("d1", false);
    // The others were loaded anew, to queue for the connection behind it.
    await untilShown();
    await eventually("d1 shows its steps again", () => page.dataIn("d1", 2, "step-quests", "status"), ({ length }) => length === 3);
    await act();
    await page.pressIn("d1", 2, "step-quests", 1);
    await actElsewhere();
    const window = await eventually("another tab of d1 leads meanwhile", () => windowOf("d1"), ({ taken }) => taken === "true");
    assert.equal(window.still, "true");
    await untilLive("d1", true);
    await connected();
    await compare(5);
    await page.pressIn("d1", 2, "refresh-quests");
    await eventually("d1 has the quests too", async () => (await shownQuests("d1", 2)).join() === (await quests()).join());
    await eventually("the window goes on, and follows", () => windowOf("d1"), ({ still, role }) => still === "false" && role === "follower");
    for (const which of ["[data-apart='true']", ".stage-tab:last-child"]) await page.press("close-tab", `[data-device='d1'] ${which}`);
    await eventually("the window is closed", () => here.browser.windows(), (open) => open === 1);
    await actAndCompare();
    await compareWithTheServer();
  });

  test("somebody else logs in, the storage is full, the clock jumps, and the page is hidden for a while", async () => {
    await lab("clock");
    await untilSaid(/an hour ahead/);
    await actAndCompare();
    await lab("clock");
    await untilSaid(/is right again/);
    await actAndCompare();
    await aim("d1");
    await lab("login");
    await eventually("the other tab shows nothing", () => page.textIn("d1", 1, "fenced"), (text) => text !== null);
    await page.pressIn("d1", 1, "fenced-follow");
    await aim("d2");
    await lab("login");
    for (const [device, user] of [["d1", "ben"], ["d2", "cleo"]]) await page.untilDevice(device, `${user} is there`, (seen) => seen.user === user);
    await actAndCompare();
    await lab("fill");
    await untilSaid(/The storage is full/);
    await act();
    await eventually("the move is not accepted", () => page.textIn("d1", 0, "block-trouble"), (text) => text !== null);
    await eventually("nor is the task", () => page.textIn("d1", 1, "task-trouble"), (text) => text !== null);
    await eventually("nor is the step", () => page.textIn("d2", 0, "step-trouble-quests"), (text) => text !== null);
    await lab("fill");
    await untilSaid(/has room again/);
    await page.pressIn("d1", 0, "block-discard");
    await page.pressIn("d1", 1, "task-discard");
    await actAndCompare();
    await labByHand("hide");
    await untilSaid(/hidden behind/);
    await actAndCompare();
    await compareWithTheServer();
  });

  test("no button was left out", async () => {
    assert.deepEqual(await neverPressed(), []);
  });
});
