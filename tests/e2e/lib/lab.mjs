// The lab on the stage, and what tells what came of it.

import assert from "node:assert/strict";

import { eventually } from "./browser.mjs";
import { StagePage } from "./stage-page.mjs";

/** To be called in the body of a `describe`, with what `stage` gave; `open` is for before each test. */
export function labOf(here) {
  let page;
  const pressed = new Set();

  async function open() {
    page = await StagePage.open(here.browser, here.server.url);
    await page.untilEqual(3);
    // What the tabs show they may have read before they were connected.
    for (const device of ["d1", "d2"]) await untilLive(device, true);
    return page;
  }

  const lab = (id) => {
    pressed.add(`lab-${id}`);
    return page.press(`lab-${id}`);
  };
  /** A click that a script makes opens no tab and no window: a driver's does. */
  const labByHand = async (id) => {
    pressed.add(`lab-${id}`);
    // What is in the frames may have moved the page.
    await page.run("scrollTo(0, 0)");
    await page.tab.click(`lab-${id}`);
  };
  /** The buttons of the lab that no test has pressed. */
  const neverPressed = async () => {
    const all = await page.run("return [...document.querySelectorAll(\".lab-deed, [data-testid='lab-heal']\")].map((button) => button.dataset.testid)");
    assert.ok(all.length > 10, `only ${all.length} buttons`);
    return all.filter((id) => !pressed.has(id));
  };
  const aim = (device) => lab(`target-${device}`);
  const said = () => page.run("return document.querySelector(\"[data-testid='lab-said']\").textContent");
  const untilSaid = (pattern) => eventually(`the lab says ${pattern}`, said, (words) => pattern.test(words));
  const untilLive = (device, live) => page.untilDevice(device, live ? "is connected" : "is cut off", (seen) => seen.live === live);
  /** The connections of both devices. One that is open is nobody's until it has said hello: the lab would not meet it. */
  const greeted = async () => {
    const { sockets_open: open, connections } = await here.server.stats();
    return open === connections.length ? connections.map(({ client, since }) => `${client} ${since}`) : [];
  };
  const connected = () => eventually("both devices are connected", greeted, ({ length }) => length === 2);
  /** After `before`, so many connections were given up for others: a deaf one counts as open until that is noticed. */
  const reconnected = (before, count) =>
    eventually(
      `${count} of ${before.length} are connected anew`,
      greeted,
      (now) => now.length === 2 && now.filter((each) => !before.includes(each)).length === count,
    );
  const faults = async () => (await fetch(`${here.server.url}/demo/faults`)).json();

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

  return { open, lab, labByHand, neverPressed, aim, untilSaid, untilLive, connected, reconnected, faults, compareWithTheServer };
}
