// The demo's page that has one list and several backends, with the servers that `cargo xtask demo` starts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine, need } from "./lib/environment.mjs";
import { Together } from "./lib/neighbours.mjs";
import { stage } from "./lib/stage.mjs";

const WAYS = ["native", "node", ...(need("EVERFRESH_SOCKETIO_PYTHON") === "none" ? [] : ["python"]), "layers"];

describe(`one page and several backends, in ${engine()}`, () => {
  const here = stage({ own: true, start: () => Together.start() });

  const press = (tab, id) => tab.run("document.querySelector(`[data-testid='${arguments[0]}']`).click()", id);
  const text = (tab, id) => tab.text(id).then((words) => words ?? "");
  const connected = (tab) => eventually("it is connected", () => tab.data("connection-status", "state"), (state) => state === "connected");
  const told = (tab, words) => eventually(`an event of ${words}`, () => text(tab, "ways-told"), (all) => all.includes(words));
  const state = (tab, layer, wanted) => eventually(`${layer} is ${wanted}`, () => tab.data(`layer-${layer}`, "state"), (seen) => seen === wanted);
  async function shows(tab, title) {
    await here.server.addTask(title);
    await eventually(`"${title}" is shown`, () => text(tab, "backends-tasks"), (all) => all.includes(title));
  }

  test("the list is kept by each, and switching loses nothing", async () => {
    const tab = await here.browser.open(`${here.server.url}/backends`);
    for (const way of WAYS) {
      await eventually("it can be chosen", () => tab.run("return document.querySelector(`[data-testid='${arguments[0]}']`)?.disabled === false", `way-${way}`));
      await press(tab, `way-${way}`);
      await connected(tab);
      await shows(tab, `Over ${way}`);
      await told(tab, "task_created");
    }
    // Somebody else's click, by the page's own button.
    await press(tab, "somebody-else");
    await eventually("it is shown", () => text(tab, "backends-tasks"), (all) => all.includes("Call back"));
    const titles = (await here.server.tasks()).map(({ title }) => title);
    for (const way of WAYS) assert.ok(titles.includes(`Over ${way}`));
  });

  test("with three layers any one brings changes, and the page says which", async () => {
    const tab = await here.browser.open(`${here.server.url}/backends?way=layers`);
    await connected(tab);
    for (const layer of ["socketio", "feed"]) await state(tab, layer, "connected");
    await shows(tab, "By both");
    await told(tab, "socketio");
    await told(tab, "feed/tasks:all");
    await eventually("it counts once", () => text(tab, "ways-counts"), (words) => /[1-9]\d* of them told before/.test(words));

    await press(tab, "away-node");
    await eventually("the feed takes over", () => text(tab, "ways-reason"), (words) => words.startsWith("changes come by feed; socketio:"));
    await shows(tab, "By the feed");
    await press(tab, "away-feed");
    await eventually("it looks more often", () => text(tab, "layer-looks"), (words) => words.includes("every 5 s"));
    await shows(tab, "By a look");
    for (const layer of ["socketio", "feed"]) await state(tab, layer, "connected");
    await shows(tab, "By both again");
  });
});
