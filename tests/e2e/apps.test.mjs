// The apps of tests/fixtures, as bundlers built them, in real browsers: what is seen of them is that they are connected by
// the worker that the bundler made a file of, that an event changes what they show, and that the console has nothing to say.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";

import { appFolder, gate, Process } from "./lib/apps.mjs";
import { Browser, eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { Server } from "./lib/server.mjs";

const NEXT = "node_modules/next/dist/bin/next";
const LOCAL = ["-H", "127.0.0.1", "-p", "0"];
/** What they serve is the same for all engines, and takes a while. */
const DEVELOPED = { skip: engine() === "chromium" ? false : "servers for developers are seen in Chromium" };

describe(`apps of users in ${engine()}`, () => {
  let browser;

  beforeEach(async () => {
    browser = await Browser.start();
  });

  afterEach(async () => {
    await browser?.stop();
    browser = undefined;
  });

  async function serve(t, www) {
    const server = await Server.start([], www);
    t.after(() => server.stop());
    return server;
  }

  /** Everything that an app has to do. */
  async function use(t, server, own, changes) {
    const front = await gate(server, own, changes);
    t.after(() => front.stop());
    const tab = await browser.open(front.url);
    const text = (id) => tab.run("return document.getElementById(arguments[0])?.textContent", id);
    const heard = () => tab.run("return heard");
    try {
      await eventually("the page is connected", () => text("status"), (seen) => seen === "connected");
      await eventually("the worker holds the connection", () => text("relay"), (seen) => seen === "worker");
      await server.addTask("Seen in an app");
      const titles = () => tab.run("return [...document.querySelectorAll('li')].map((item) => item.textContent)");
      await eventually("the task is shown", titles, (seen) => seen.includes("Seen in an app"));
    } catch (error) {
      error.message += `\nThe console: ${(await heard()).join("\n")}`;
      throw error;
    }
    assert.deepEqual(await heard(), []);
    if (engine() === "chromium") assert.deepEqual(await tab.log(), []);
    return tab;
  }

  test("without a bundler", async (t) => {
    const folder = appFolder("plain");
    // An import map stands in the page itself, and a policy has to name it. Nothing else of the page needs that.
    const [, map] = (await readFile(join(folder, "index.html"), "utf8")).match(/<script type="importmap">([^]*?)<\/script>/);
    const hash = `'sha256-${createHash("sha256").update(map).digest("base64")}'`;
    const server = await serve(t, folder);
    const tab = await use(t, server, server.url, {
      head: (headers) => {
        const policy = headers["content-security-policy"];
        if (policy) headers["content-security-policy"] = policy.replace("script-src", `script-src ${hash}`);
      },
    });
    const loaded = await tab.run("return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)");
    assert.ok(loaded.includes("/node_modules/everfresh/dist/wasm/everfresh_core_bg.wasm"), loaded.join());
  });

  test("Vite and React", async (t) => {
    await use(t, await serve(t, join(appFolder("vite"), "dist")));
  });

  test("Vite and React, while it is developed", DEVELOPED, async (t) => {
    const vite = await Process.start("vite", "node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0");
    t.after(() => vite.stop());
    await use(t, await serve(t), vite.url);
  });

  test("webpack and React", async (t) => {
    await use(t, await serve(t, join(appFolder("webpack"), "dist")));
  });

  test("Next.js", async (t) => {
    const next = await Process.start("next", NEXT, "start", ...LOCAL);
    t.after(() => next.stop());
    await hydrate(t, next);
  });

  test("Next.js, while it is developed", DEVELOPED, async (t) => {
    const next = await Process.start("next", NEXT, "dev", ...LOCAL);
    t.after(() => next.stop());
    await hydrate(t, next);
  });

  /** What a server has rendered says nothing yet; the page that takes it over has nothing to complain of. */
  async function hydrate(t, next) {
    const html = await (await fetch(next.url)).text();
    for (const id of ["server", "status"]) assert.match(html, new RegExp(`id="${id}">idle<`));
    const tab = await use(t, await serve(t), next.url);
    assert.equal(await tab.run("return document.getElementById('server').textContent"), "idle", "a server component stays what it was");
  }
});
