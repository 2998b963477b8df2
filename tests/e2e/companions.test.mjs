// An app that keeps its cache over reloads by TanStack Query's persister, and shows its devtools: the page
// `companions` of tests/fixtures/vite.

import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";

import { appFolder, gate } from "./lib/apps.mjs";
import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { stage } from "./lib/stage.mjs";

describe(`the companions of TanStack Query in ${engine()}`, () => {
  const here = stage({ own: true, pages: () => ({ folder: join(appFolder("vite"), "dist"), remove() {} }) });
  let front;
  /** How often the list was asked for. */
  let lists;

  beforeEach(async () => {
    lists = 0;
    front = await gate(here.server, here.server.url, {
      answer: (path, { req }) => {
        if (req.method === "GET" && path === "/api/tasks") lists += 1;
        return false;
      },
      // The devtools write their styles into the page.
      head: (headers) => {
        const policy = headers["content-security-policy"];
        if (policy) headers["content-security-policy"] = policy.replace("style-src", "style-src 'unsafe-inline'");
      },
    });
  });

  afterEach(async () => {
    await front?.stop();
  });

  const open = () => here.browser.open(`${front.url}/companions.html`);
  const text = (tab, id) => tab.run("return document.getElementById(arguments[0])?.textContent", id);
  const until = (tab, id, wanted) => eventually(`${id} is ${wanted}`, () => text(tab, id), (seen) => seen === wanted);
  const titles = (tab) => tab.run("return [...document.querySelectorAll('#root > form li')].map((item) => item.textContent)");
  const silent = async (tab) => assert.deepEqual(await tab.run("return heard"), []);

  test("what waited for the server is done once by two tabs, and what was kept is brought up to date", async () => {
    // Without it the browser would end with its last tab.
    await here.browser.open(`${here.server.url}/api/tasks`);
    const first = await open();
    await until(first, "status", "connected");
    await eventually("it is kept", () => first.run("return localStorage.getItem('REACT_QUERY_OFFLINE_CACHE')"), (kept) => kept?.includes('"tasks"'));
    await here.server.kill();
    const wanted = ["one", "two", "three"];
    for (const title of wanted) {
      await first.fill("#title", title);
      await first.press("#add");
    }
    await until(first, "waiting", "3");
    await first.close();
    await here.server.restart();
    // The cache that is kept knows nothing of it, and nobody will tell of it again.
    await here.server.addTask("While nobody was there");
    const tabs = [await open(), await open()];
    for (const tab of tabs) {
      await until(tab, "status", "connected");
      await eventually("everything is shown", () => titles(tab), (seen) => [...wanted, "While nobody was there"].every((title) => seen.includes(title)));
    }
    const mine = (await here.server.tasks()).map(({ title }) => title).filter((title) => wanted.includes(title));
    assert.deepEqual(mine, wanted);
    for (const tab of tabs) {
      assert.equal((await titles(tab)).filter((title) => wanted.includes(title)).length, wanted.length);
      await silent(tab);
    }
  });

  test("the devtools do what they say, and leave it when they are told", async () => {
    const tab = await open();
    // By a script: the devtools slide in over the page.
    const press = (selector) => tab.run("document.querySelector(arguments[0]).click()", selector);
    const act = (name) => press(`.tsqd-query-details-action-${name}`);
    const shows = (title) => eventually(`"${title}" is shown`, () => titles(tab), (seen) => seen.includes(title));
    const paused = (count) =>
      eventually(`${count} paused`, () => tab.run("return document.querySelector('.tsqd-query-status-tag-paused')?.ariaLabel"), (seen) => seen === `Paused: ${count}`);
    await until(tab, "status", "connected");
    await eventually("they are there", () => tab.run("return document.querySelector('.tsqd-open-btn') !== null"));
    await press(".tsqd-open-btn");
    await eventually("they list the query", () => tab.run("return document.querySelector('.tsqd-query-row') !== null"));
    await until(tab, "query", "idle");
    await press(".tsqd-query-row");
    await eventually("they show the query", () => tab.run("return document.querySelector('.tsqd-query-details-action-invalidate') !== null"));

    // What the start may have made stale has been fetched.
    await eventually("it is quiet", () => quiet(), (still) => still);
    const before = lists;
    await act("invalidate");
    await eventually("it is fetched", () => lists, (count) => count === before + 1);
    await until(tab, "query", "idle");

    await act("error");
    await until(tab, "query", "error");
    await act("error");
    await until(tab, "query", "idle");

    await act("loading");
    await until(tab, "query", "fetching");
    await here.server.addTask("While it loaded");
    await here.server.addTask("And another one");
    assert.equal(await text(tab, "query"), "fetching");
    await act("loading");
    await shows("And another one");
    await until(tab, "query", "idle");

    await press(".tsqd-action-mock-offline-behavior");
    await here.server.addTask("Not fetched without a network");
    await paused(1);
    // Whatever else the engine tells meanwhile.
    await here.server.burst(3);
    await here.server.addTask("Nor this one");
    await eventually("the page heard of it", () => text(tab, "heard"), (seen) => seen === "Nor this one");
    await paused(1);
    assert.ok(!(await titles(tab)).includes("Not fetched without a network"));
    await press(".tsqd-action-mock-offline-behavior");
    await paused(0);
    await shows("Nor this one");

    for (const next of ["attach", "detach"]) {
      await press("#attach");
      await until(tab, "attach", next);
    }
    await here.server.addTask("Attached again");
    await shows("Attached again");
    await silent(tab);
  });

  /** Whether nothing was fetched for a while. */
  async function quiet() {
    const before = lists;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return lists === before;
  }
});
