// Every button of the lab, each followed by changes: all devices end equal, and what the instruments say is what the
// server has. In the scene of tasks first; then in all three at once, each in a tab of its own.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { connections, stage } from "./lib/stage.mjs";
import { StagePage } from "./lib/stage-page.mjs";

const QUARTER = 15 * 60_000;
const DAY = 24 * 3_600_000;

/** A task of another project than that of the quests. */
const FAIR = 5;

describe(`the lab in ${engine()}`, () => {
  // A link that went deaf is noticed by its missing pings.
  const here = stage({ flags: ["--ping-ms", "1000"] });
  let page;
  let changes = 0;

  beforeEach(async () => {
    page = await StagePage.open(here.browser, here.server.url);
    await page.untilEqual(3);
    // What the tabs show they may have read before they were connected.
    for (const device of ["d1", "d2"]) await untilLive(device, true);
  });

  const lab = (id) => page.press(`lab-${id}`);
  const aim = (device) => lab(`target-${device}`);
  const said = () => page.run("return document.querySelector(\"[data-testid='lab-said']\").textContent");
  const untilSaid = (pattern) => eventually(`the lab says ${pattern}`, said, (words) => pattern.test(words));
  const untilLive = (device, live) => page.untilDevice(device, live ? "is connected" : "is cut off", (seen) => seen.live === live);
  const connected = () => eventually("both devices are connected", () => connections(here), (open) => open === 2);
  const faults = async () => (await fetch(`${here.server.url}/demo/faults`)).json();

  /** Somebody changes something: all devices show it in the end. */
  async function changeAndCompare(tabs = 3) {
    changes += 1;
    await here.server.addTask(`Change ${changes}`);
    await page.untilEqual(tabs);
  }

  /** What the page says of the server is what the server says. */
  async function compareWithTheServer() {
    await eventually(
      "the instruments say what the server has",
      async () => {
        const { sockets_open, events_total, connections: known } = await here.server.stats();
        const [sockets, events, clients] = await page.run(`
          const text = (id) => Number(document.querySelector(\`[data-testid='\${id}']\`).textContent);
          return [text("records-sockets"), text("records-events"),
            [...document.querySelectorAll("[data-testid='records'] code")].map((code) => code.textContent)]`);
        const listed = known.map(({ client }) => client).sort();
        return {
          // Two devices, each by one connection.
          sockets: sockets_open === 2 && sockets === 2 && (await page.value("with-sockets")) === 2,
          events: events === events_total,
          clients: JSON.stringify(clients.sort()) === JSON.stringify(listed),
        };
      },
      (same) => Object.values(same).every(Boolean),
    );
    assert.equal(await page.value("without-sockets"), 3);
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
    await connected();
    await aim("d1");
    await lab("half-open");
    await untilSaid(/One connection is deaf/);
    await changeAndCompare();
    await connected();
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
    // A click that a script makes opens no tab: a driver's does.
    await page.tab.click("lab-hide");
    await untilSaid(/hidden behind/);
    await here.server.addTask("While nobody looked");
    await page.untilEqual(3);
    await compareWithTheServer();
  });

  describe("in the tasks, the calendar and the contracts", () => {
    let round = 0;

    beforeEach(async () => {
      round = 0;
      await page.sceneOn("d1", 0, "calendar");
      await page.sceneOn("d2", 0, "contracts");
      await eventually("d1 shows its days", () => page.textIn("d1", 0, "calendar"), (text) => text?.includes("Stand-up") ?? false);
      await eventually("d2 shows its steps", () => page.dataIn("d2", 0, "step-quests", "status"), ({ length }) => length === 3);
      await page.untilEqual(3);
    });

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
    const shownQuests = async () => {
      const [ids, statuses] = await Promise.all(["id", "status"].map((name) => page.dataIn("d2", 0, "step-quests", name)));
      return ids.map((id, index) => `${id} ${statuses[index]}`);
    };

    /** All that was done is through, and all tabs have it: of the contracts, which promise no more, when they are asked. */
    async function compare() {
      for (const device of ["d1", "d2"]) await eventually(`nothing waits on ${device}`, () => page.textIn(device, 0, "view-queue"), (text) => text === "Queue");
      await page.untilEqual(3);
      await page.pressIn("d2", 0, "refresh-quests");
      const wanted = await quests();
      await eventually(`the quests are ${wanted}`, shownQuests, (seen) => seen.join() === wanted.join());
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
      await lab("no-sockets");
      for (const device of ["d1", "d2"]) await page.untilDevice(device, "an event stream", ({ link }) => link.includes("event stream"));
      await actAndCompare();
      await lab("no-streams");
      for (const device of ["d1", "d2"]) await page.untilDevice(device, "polling", ({ link }) => link.includes("polling"));
      await actAndCompare();
      await lab("heal");
      await actAndCompare();
      await compareWithTheServer();
    });

    test("connections that are cut, go deaf, or whose token expires; a server that dies, and sends ten thousand events", async () => {
      await lab("cut");
      await untilSaid(/2 connections were cut/);
      await actAndCompare();
      await connected();
      await lab("half-open");
      await untilSaid(/2 connections are deaf/);
      await actAndCompare();
      await connected();
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
      // What is in the frames may have moved the page.
      await page.run("scrollTo(0, 0)");
      await page.tab.click("lab-hide");
      await untilSaid(/hidden behind/);
      await actAndCompare();
      await compareWithTheServer();
    });
  });
});
