// Every button of the lab, each followed by changes: all devices end equal, and what the instruments say is what the
// server has.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { connections, stage } from "./lib/stage.mjs";
import { StagePage } from "./lib/stage-page.mjs";

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

  test("slow and lossy networks, and those without sockets and streams", async () => {
    await lab("slow");
    await untilSaid(/2 s latency: on/);
    await changeAndCompare();
    await lab("loss");
    await eventually("both are on", faults, ([all]) => all?.fault.latency_ms === 2000 && all.fault.loss_percent === 30);
    await changeAndCompare();
    await lab("heal");
    await untilSaid(/is well again/);
    await eventually("nothing is on", faults, (on) => on.length === 0);
    await aim("d2");
    await lab("no-sockets");
    await page.untilDevice("d2", "an event stream", ({ link }) => link.includes("event stream"));
    await changeAndCompare();
    await lab("no-streams");
    await page.untilDevice("d2", "polling", ({ link }) => link.includes("polling"));
    await changeAndCompare();
    await lab("heal");
    await changeAndCompare();
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

  test("the calendar keeps up too: a move that waits for the network, and one that meets a dead server", async () => {
    await page.press("scene-calendar");
    for (const device of ["d1", "d2"]) {
      await eventually(`${device} shows its days`, () => page.textIn(device, 0, "calendar"), (text) => text?.includes("Stand-up") ?? false);
    }
    await page.untilEqual(3);
    await aim("d1");
    await lab("down");
    await untilLive("d1", false);
    await page.keysIn("d1", 0, "[data-testid='block-button'][data-title^='Write']", ["Enter", "ArrowDown", "ArrowDown", "Enter"]);
    await eventually("it waits", () => page.textIn("d1", 0, "view-queue"), (text) => text === "Queue1");
    await lab("heal");
    await untilLive("d1", true);
    await eventually("it went out", () => page.textIn("d1", 0, "view-queue"), (text) => text === "Queue");
    await page.untilEqual(3);
    await lab("kill");
    await page.keysIn("d2", 0, "[data-testid='block-button'][data-title^='Contrast']", ["Enter", "ArrowDown", "Enter"]);
    await eventually("it is dead", () => page.agreement(), ({ state }) => state === "alone");
    await page.untilEqual(3);
    await eventually("it went out", () => page.textIn("d2", 0, "view-queue"), (text) => text === "Queue");
    await page.untilEqual(3);
    const moved = (await page.blocksOn("d2", 0)).filter(({ label }) => /^(Write|Contrast)/.test(label));
    assert.deepEqual(moved.map(({ label }) => label.match(/\d\d:\d\d/)[0]).sort(), ["10:30", "11:15"]);
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
});
