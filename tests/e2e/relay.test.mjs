// The worker that holds the socket and the timers of the tab that leads, with the built page under its
// own policy, and where a worker cannot be had.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { Front } from "./lib/front.mjs";
import { connections, stage } from "./lib/stage.mjs";

const TABS = 5;
const WORKER_FILE = /\/relay-[^/]*\.js$/;

describe(`the relay worker in ${engine()}`, () => {
  const here = stage();
  let front;
  let tabs;
  /** How many times the worker's file was asked for. */
  let asked;

  beforeEach(() => {
    tabs = [];
    asked = 0;
  });

  afterEach(async () => {
    await front?.stop();
    front = undefined;
  });

  const oneConnection = () => eventually("one connection is open", () => connections(here), (open) => open === 1);

  /** Serves the page with changes, and counts who asks for the worker's file, which no browser keeps. */
  async function serve({ head = () => {}, worker = () => false }) {
    front = await Front.start(here.server.url, {
      head: (headers) => {
        headers["cache-control"] = "no-store";
        head(headers);
      },
      answer: (url, response) => {
        if (!WORKER_FILE.test(url)) return false;
        asked += 1;
        return worker(response);
      },
    });
  }

  async function open(count) {
    for (let n = 0; n < count; n += 1) {
      const tab = await here.browser.open(front.url);
      await tab.untilStatus("connected");
      tabs.push(tab);
    }
  }

  /** Who holds the socket, tab by tab: a word of the leader, nothing of the others. */
  async function holders() {
    const held = [];
    for (const tab of tabs) held.push(await tab.data("connection-relay", "relay"));
    return held.filter((word) => word !== "");
  }

  const heldBy = (word) => eventually(`it is held by one ${word}`, holders, (held) => held.join() === word);

  async function leaveOut(leader) {
    tabs = tabs.filter((tab) => tab !== leader);
  }

  async function leader() {
    for (const tab of tabs) if ((await tab.role()) === "leader") return tab;
    return undefined;
  }

  async function allShow(title) {
    for (const tab of tabs) await tab.untilShown(title);
  }

  test("five tabs have one worker with one socket, and whoever leads next has one of its own", async () => {
    await serve({});
    await open(TABS);
    await heldBy("worker");
    assert.deepEqual([asked, await connections(here)], [1, 1]);
    for (let started = 2; started <= 3; started += 1) {
      const first = await leader();
      await leaveOut(first);
      await Promise.all([first.close(), here.server.addTask(`Around close ${started}`)]);
      await allShow(`Around close ${started}`);
      await heldBy("worker");
      await oneConnection();
      assert.equal(asked, started);
    }
  });

  test("a leader that crashes takes its worker along", devtoolsOnly(), async () => {
    await serve({});
    await open(2);
    const first = await leader();
    await leaveOut(first);
    await first.devtools("Page.crash");
    await here.server.addTask("After the crash");
    await allShow("After the crash");
    await heldBy("worker");
    await oneConnection();
  });

  test("a leader that is frozen has no worker any more, and none when it thaws", devtoolsOnly(), async () => {
    await serve({});
    await open(2);
    const first = await leader();
    const all = tabs;
    await leaveOut(first);
    await first.devtools("Page.setWebLifecycleState", { state: "frozen" });
    await here.server.addTask("While it is frozen");
    await allShow("While it is frozen");
    await heldBy("worker");
    await oneConnection();
    await first.devtools("Page.setWebLifecycleState", { state: "active" });
    tabs = all;
    await allShow("While it is frozen");
    await heldBy("worker");
    await oneConnection();
  });

  test("the last tab that is frozen leaves no socket behind", devtoolsOnly(), async () => {
    await serve({});
    await open(1);
    const [tab] = tabs;
    await tab.devtools("Page.setWebLifecycleState", { state: "frozen" });
    await eventually("no connection is left", () => connections(here), (open) => open === 0);
    await here.server.addTask("While all are frozen");
    await tab.devtools("Page.setWebLifecycleState", { state: "active" });
    await allShow("While all are frozen");
    await heldBy("worker");
    await oneConnection();
  });

  const refusals = {
    "the policy forbids": {
      head: (headers) => {
        const policy = headers["content-security-policy"];
        if (policy) headers["content-security-policy"] = policy.replace("worker-src 'self'", "worker-src 'none'");
      },
    },
    "the server does not have": {
      worker: (response) => {
        response.writeHead(404).end();
        return true;
      },
    },
    "the server has the app's first page for": {
      worker: (response) => {
        response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>App</title>");
        return true;
      },
    },
    "the network holds up": { worker: () => true },
    "is broken": {
      worker: (response) => {
        response.writeHead(200, { "content-type": "text/javascript" }).end("throw new Error('broken')");
        return true;
      },
    },
  };
  for (const [why, changes] of Object.entries(refusals)) {
    test(`without a worker that ${why}, the page does everything itself`, async () => {
      await serve(changes);
      await open(2);
      await heldBy("page");
      await here.server.addTask(`Without a worker: ${why}`);
      await allShow(`Without a worker: ${why}`);
      await oneConnection();
      const first = await leader();
      await leaveOut(first);
      await Promise.all([first.close(), here.server.addTask(`Still without: ${why}`)]);
      await allShow(`Still without: ${why}`);
      await heldBy("page");
      await oneConnection();
    });
  }
});
