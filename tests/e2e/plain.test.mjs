// The page of tests/fixtures/plain in a real browser: no bundler, an import map, and the files of the package as a server
// serves them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Browser, eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { Front } from "./lib/front.mjs";
import { Server } from "./lib/server.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

test(`a page without a bundler connects and shows what happens, in ${engine()}`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "everfresh-plain-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(path("../fixtures/plain"), folder, { recursive: true });
  // Where npm puts them.
  await cp(path("../../pkg/dist"), join(folder, "node_modules/everfresh/dist"), { recursive: true });
  const queryCore = dirname(fileURLToPath(import.meta.resolve("@tanstack/query-core")));
  await cp(queryCore, join(folder, "node_modules/@tanstack/query-core/build/modern"), { recursive: true });
  const server = await Server.start([], folder);
  t.after(() => server.stop());
  // An import map stands in the page itself, and a policy has to name it. Nothing else of the page needs that.
  const [, map] = (await readFile(join(folder, "index.html"), "utf8")).match(/<script type="importmap">([^]*?)<\/script>/);
  const hash = `'sha256-${createHash("sha256").update(map).digest("base64")}'`;
  const front = await Front.start(server.url, {
    head: (headers) => {
      const policy = headers["content-security-policy"];
      if (policy) headers["content-security-policy"] = policy.replace("script-src", `script-src ${hash}`);
    },
  });
  t.after(() => front.stop());
  const browser = await Browser.start();
  t.after(() => browser.stop());

  const tab = await browser.open(front.url);
  const status = () => tab.run("return document.querySelector('#status').textContent");
  await eventually("the page is connected", status, (seen) => seen === "connected");
  await server.addTask("Seen without a bundler");
  const titles = () => tab.run("return [...document.querySelectorAll('li')].map((item) => item.textContent)");
  await eventually("the task is shown", titles, (seen) => seen.includes("Seen without a bundler"));
  const loaded = await tab.run("return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)");
  assert.ok(loaded.includes("/node_modules/everfresh/dist/wasm/everfresh_core_bg.wasm"), loaded.join());
});
