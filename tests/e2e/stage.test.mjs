// Several devices on one page: their tabs share a connection, and all of them keep up with the server.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { connections, stage } from "./lib/stage.mjs";
import { StagePage } from "./lib/stage-page.mjs";

describe(`the stage in ${engine()}`, () => {
  const here = stage();
  let page;

  beforeEach(async () => {
    page = await StagePage.open(here.browser, here.server.url);
    await page.untilEqual(3);
  });

  const sockets = (count) => eventually(`${count} connections`, () => connections(here), (open) => open === count);

  test("the tabs of a device share a connection, and the one that holds it wears the crown", async () => {
    await sockets(2);
    const [ana, ben] = await page.devices();
    assert.deepEqual([ana.user, ben.user], ["ana", "ben"]);
    // The server has a connection a moment before the page says who holds it.
    for (const [device, tabs] of [["d1", 2], ["d2", 1]]) {
      const crowned = ({ roles, crowns }) => roles.length === tabs && roles.filter((role) => role === "leader").length === 1 && crowns === 1;
      await page.untilDevice(device, "one tab leads and wears the crown", crowned);
    }
    await page.press("add-tab", "[data-device='d1']");
    await page.untilEqual(4);
    await sockets(2);
    // The one with the crown goes: another one has it, and the connection.
    await page.run("document.querySelector(\"[data-device='d1'] [data-role='leader'] [data-testid='close-tab']\").click()");
    await page.untilDevice("d1", "another tab leads", ({ roles }) => roles.length === 2 && roles.includes("leader"));
    await here.server.addTask("After the crown was passed on");
    await page.untilEqual(3);
    await sockets(2);
  });

  test("people and devices come and go, each with a connection of their own", async () => {
    await page.press("add-person");
    await page.untilEqual(4);
    assert.equal((await page.device("d3")).user, "cleo");
    await sockets(3);
    await page.press("add-device");
    await page.untilEqual(5);
    assert.equal((await page.device("d4")).user, "ana");
    await sockets(4);
    await page.press("close-device", "[data-device='d3']");
    await page.press("close-device", "[data-device='d4']");
    await page.untilEqual(3);
    await sockets(2);
  });

  test("what one person does, the other sees, and the way is measured", async () => {
    const before = (await here.server.tasks())[0];
    await page.pressIn("d1", 0, "task-status");
    await eventually("the server has it", () => here.server.tasks(), ([task]) => task.version > before.version);
    await page.untilEqual(3);
    const crossing = "return document.querySelector(\"[data-testid='latency-crossing']\").dataset.p95";
    await eventually("it was measured", () => page.run(crossing), (p95) => p95 !== "" && Number(p95) > 0);
  });
});
