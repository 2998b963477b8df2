// One project of several: its channel, its keys, six families of queries, and how often each is looked at.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

const FAMILIES = ["tasks", "counts", "projects", "activity", "members", "calendar"];

describe(`projects in ${engine()}`, () => {
  const here = stage({ own: true });
  let tab;

  beforeEach(async () => {
    tab = await here.browser.open(`${here.server.url}/?device=d1`);
    await eventually("all tasks are there", () => tab.titles(), ({ length }) => length === 12);
    await eventually("it is connected", () => tab.data("connection-status", "state"), (state) => state === "connected");
  });

  const add = (title, project) => here.server.send("POST", "/api/tasks", { title, project });
  const titles = async () => (await tab.titles()).join("|");
  const shows = (title) => eventually(`it shows ${title}`, titles, (all) => all.includes(title));
  const channels = async () => (await here.server.stats()).connections.flatMap((connection) => connection.channels).sort();
  const untilFollowed = (...names) =>
    eventually(`it follows ${names}`, channels, (all) => JSON.stringify(all) === JSON.stringify(names));

  async function choose(project, count) {
    await tab.click(`project-${project}`);
    if (count !== undefined) await eventually(`the tasks of ${project}`, () => tab.titles(), ({ length }) => length === count);
  }

  test("to change the project is to follow another channel: nothing is left over, and nothing is missed", async () => {
    await untilFollowed("calendar", "tasks");
    await tab.fill("#task-title", "Begun before");
    await choose("website", 4);
    await untilFollowed("calendar", "project:website");
    assert.equal(await tab.run("return document.querySelector('#task-title').value"), "Begun before");
    await add("Only of the warehouse", "warehouse");
    await add("Of the website", "website");
    await shows("Of the website");
    assert.doesNotMatch(await titles(), /Only of the warehouse/);

    await choose("warehouse", 5);
    await untilFollowed("calendar", "project:warehouse");
    assert.match(await titles(), /Only of the warehouse/);
    // Nobody tells this page of it: what it kept of that project is older than it looks.
    await add("While another project was shown", "website");
    await choose("website", 6);
    await shows("While another project was shown");

    // While the channels change, on both sides of it.
    for (let round = 1; round <= 5; round += 1) {
      const to = round % 2 === 1 ? "warehouse" : "website";
      const before = add(`Before round ${round}`, to);
      await choose(to);
      await Promise.all([before, add(`After round ${round}`, to)]);
      await shows(`Before round ${round}`);
      await shows(`After round ${round}`);
    }
    await choose("all", 25);
    await untilFollowed("calendar", "tasks");
  });

  test("a change reaches six families, and each has a contract that is kept", async () => {
    for (const family of FAMILIES) {
      await eventually(`${family} is kept`, () => tab.data(`family-${family}`, "state"), (state) => state === "fresh");
    }
    await choose("website", 4);
    await tab.run("document.querySelector(`[data-testid='task-item'][data-status='todo'] [data-testid='task-status']`).click()");
    await eventually("the counts have it", () => tab.text("counts"), (text) => text === "to do1doing2done1");
    await eventually("who did it is known", () => tab.text("members"), (text) => /Ana Souza1 change$/.test(text));
    await eventually("it is the latest change", () => tab.text("activity"), (text) => /^Check colour contrast on every pagedoing by Ana/.test(text));
    await add("One more that is open", "website");
    await eventually("the project has one more", () => tab.text("project-website"), (text) => text === "Website4 open");
    const week = await tab.text("this-week");
    const blocks = await here.server.ask(`/api/blocks?from=${Date.now()}&to=${Date.now() + 7 * 24 * 3_600_000}`);
    if (blocks.length > 0 && week.includes(blocks[0].title)) {
      const [{ id, start, end }] = blocks;
      await here.server.send("PATCH", `/api/blocks/${id}`, { start: start + 60_000, end: end + 60_000 });
      await eventually("the week has the move", () => tab.text("this-week"), (text) => text !== week);
    }
    for (const family of FAMILIES) assert.equal(await tab.data(`family-${family}`, "state"), "fresh", family);
  });

  test("the intervals follow the link: often without it, seldom with it, and less so while nothing comes", onceIsEnough(), async () => {
    const intervals = () => Promise.all(FAMILIES.map((family) => tab.data(`family-${family}`, "interval").then(Number)));
    const until = (what, holds) => eventually(what, intervals, (all) => all.every(holds));
    const fault = (what) =>
      fetch(`${here.server.url}/demo/faults`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ device: "d1", fault: what }),
      });
    await until("events are believed", (every) => every > 15_000);
    await fault({ down: true });
    await until("no event can come", (every) => every === 5000);
    await fault({});
    await until("events are believed again", (every) => every > 15_000);
    // Half a minute in which nothing comes: it may be that nothing happens, or that events are lost.
    await until("it is long ago", (every) => every <= 15_000 && every > 5000).catch(() =>
      until("it is very long ago", (every) => every <= 15_000 && every > 5000),
    );
    await here.server.addTask("A sign of life");
    // Each family has its own: of the calendar nothing was heard.
    await eventually("events of tasks are believed once more", intervals, (all) => all.slice(0, -1).every((every) => every > 15_000));
    assert.ok((await intervals()).at(-1) <= 15_000);
  });
});
