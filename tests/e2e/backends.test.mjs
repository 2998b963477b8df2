// The demo's page that has one list and several backends, with the servers that `cargo xtask demo` starts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { brokenRules } from "./lib/axe.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine, need, onceIsEnough } from "./lib/environment.mjs";
import { Together } from "./lib/neighbours.mjs";
import { stage } from "./lib/stage.mjs";

const SOCKETIO = ["node", ...(need("EVERFRESH_SOCKETIO_PYTHON") === "none" ? [] : ["python"])];
/** Those that say who is here, and what they know of it: tabs, or connections, of which the tabs of one browser share one. */
const PRESENT = { native: "tab", supabase: "tab", phoenix: "connection", centrifugo: "connection" };
const WAYS = [...Object.keys(PRESENT), ...SOCKETIO, "layers"];
/** As its link does when it is clicked, with a tab that the driver knows. */
const BEN = "document.querySelector(\"[data-testid='open-as']\").href";

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
      // The first one may have been found by the fetch that makes up for what was before the subscription.
      await shows(tab, `Over ${way} again`);
      await told(tab, way === "supabase" ? "postgres:INSERT:public.tasks" : "task_created");
    }
    // Somebody else's click, by the page's own button.
    await press(tab, "somebody-else");
    await eventually("it is shown", () => text(tab, "backends-tasks"), (all) => all.includes("Call back"));
    const titles = (await here.server.tasks()).map(({ title }) => title);
    for (const way of WAYS) assert.ok(titles.includes(`Over ${way}`));
  });

  const WEEK = 7 * 86_400_000;
  /** Where the blocks of this week are, by their names. The first day of all weeks was a Thursday. */
  async function blocks() {
    const monday = Math.floor((Date.now() + WEEK * (3 / 7)) / WEEK) * WEEK - WEEK * (3 / 7);
    const all = await (await fetch(`${here.server.url}/api/blocks?from=${monday}&to=${monday + WEEK}`)).json();
    return Object.fromEntries(all.map(({ id, start }) => [id, start]));
  }
  /** Where the page has them. */
  const placed = (tab) => tab.run(`
    const all = [...document.querySelectorAll("[data-testid='block']")];
    return Object.fromEntries(all.map((one) => [one.dataset.id, Number(one.dataset.start)]));`);
  /** Somebody else moves a block, and the page shows it there. */
  async function moves(tab) {
    const before = await blocks();
    await press(tab, "somebody-else-moves");
    const now = await eventually("it is moved", blocks, (seen) => !isDeepStrictEqual(seen, before));
    const [moved] = Object.keys(now).filter((id) => now[id] !== before[id]);
    await eventually(`${moved} is where it was moved to`, async () => (await placed(tab))[moved], (start) => start === now[moved]);
  }
  const shownDays = (tab) => eventually("the week is there", () => tab.data("calendar", "loaded"), (loaded) => loaded === "true");

  for (const way of WAYS.filter((one) => one !== "layers")) {
    test(`the calendar is kept over ${way}`, way === "supabase" ? {} : onceIsEnough(), async () => {
      const tab = await here.browser.open(`${here.server.url}/backends?way=${way}&shown=calendar`);
      await connected(tab);
      await shownDays(tab);
      await moves(tab);
      await moves(tab);
      await told(tab, way === "supabase" ? "postgres:UPDATE:public.timeblocks" : "timeblock_updated");
      assert.deepEqual(await brokenRules(tab), []);
    });
  }

  test("the calendar is kept by three layers, any two of which may be lost", async () => {
    const tab = await here.browser.open(`${here.server.url}/backends?way=layers&shown=calendar`);
    await connected(tab);
    for (const layer of ["socketio", "feed"]) await state(tab, layer, "connected");
    await shownDays(tab);
    await moves(tab);
    await told(tab, "timeblock_updated by socketio");
    await told(tab, "postgres:UPDATE:public.timeblocks by feed/blocks:all");
    await press(tab, "away-node");
    await eventually("the feed takes over", () => text(tab, "ways-reason"), (words) => words.startsWith("changes come by feed; socketio:"));
    await moves(tab);
    await press(tab, "away-feed");
    await eventually("it looks more often", () => text(tab, "layer-looks"), (words) => words.includes("every 5 s"));
    await moves(tab);
    for (const layer of ["socketio", "feed"]) await state(tab, layer, "connected");
    await moves(tab);
  });

  /** Names and what they are there with, by who it is. A page that is hidden behind another one is idle in some engines. */
  const people = (tab) => tab.run(`
    const words = (one) => [...one.querySelectorAll("strong, small")].map(({ textContent }) => textContent).join(" ");
    const all = [...document.querySelectorAll("[data-testid='here-person']")];
    return Object.fromEntries(all.map((one) => [one.dataset.user, words(one).replace(", idle", "")]));`);
  const sees = (tab, wanted) => eventually(`it sees ${JSON.stringify(wanted)}`, () => people(tab), (seen) => isDeepStrictEqual(seen, wanted));

  for (const [way, of] of Object.entries(PRESENT)) {
    test(`over ${way} people see each other, and who leaves`, async () => {
      const ana = await here.browser.open(`${here.server.url}/backends?way=${way}`);
      await connected(ana);
      await sees(ana, { ana: `You 1 ${of}` });
      const ben = await here.browser.open(await ana.run(`return ${BEN}`));
      await connected(ben);
      const second = await here.browser.open(`${here.server.url}/backends?way=${way}`);
      await connected(second);
      const two = of === "tab" ? "2 tabs" : "1 connection";
      for (const tab of [ana, second]) await sees(tab, { ana: `You ${two}`, ben: `Ben 1 ${of}` });
      assert.deepEqual(await brokenRules(ana), []);
      await sees(ben, { ben: `You 1 ${of}`, ana: `Ana ${two}` });
      await ben.close();
      for (const tab of [ana, second]) await sees(tab, { ana: `You ${two}` });
    });
  }

  test("a wire that does not say who is here is said to be one", async () => {
    const tab = await here.browser.open(`${here.server.url}/backends`);
    await sees(tab, { ana: "You 1 tab" });
    for (const way of [...SOCKETIO, "layers"]) {
      await press(tab, `way-${way}`);
      await connected(tab);
      assert.match(await text(tab, "here-words"), /^This wire does not say who is here\.$|Socket\.IO does not\.$/);
      assert.equal(await tab.text("here"), null);
      assert.deepEqual(await brokenRules(tab), []);
    }
    await press(tab, "way-native");
    await sees(tab, { ana: "You 1 tab" });
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
