// What the module recorded in a real browser happens again in a native engine, to the last byte.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { Browser, eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { Server } from "./lib/server.mjs";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** Leads a native engine through a recording; what it printed. Fails if it takes another way. */
async function replay(file) {
  const test = ["test", "--quiet", "-p", "everfresh", "--test", "simulation"];
  const { stdout } = await run("cargo", [...test, "a_recording_is_replayed", "--", "--exact", "--nocapture"], {
    cwd: root,
    env: { ...process.env, EVERFRESH_REPLAY: file },
    maxBuffer: 1 << 28,
  });
  return stdout;
}

/** The diagnostics of a page, as somebody gets them who looks at it. */
const diagnostics = (tab) =>
  tab.run(`
    dispatchEvent(new CustomEvent("everfresh:debug", { detail: "" }));
    return JSON.stringify(window.__everfresh.demo.diagnostics());
  `);

describe(`recordings of ${engine()}`, () => {
  let server;
  let browser;
  let folder;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "everfresh-replay-"));
    server = await Server.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("a leader and a follower that lost their server and each other happen again", async () => {
    const tabs = [];
    for (const role of ["leader", "follower"]) {
      const tab = await browser.open(`${server.url}/?record`);
      await tab.untilRole(role);
      await tab.untilStatus("connected");
      tabs.push(tab);
    }
    const [first, second] = tabs;
    await server.addTask("Hush, by the server");
    for (const tab of tabs) await tab.untilShown("Hush, by the server");
    await second.type("task-title-input", "Hush, by hand");
    await second.click("task-add");
    for (const tab of tabs) await tab.untilShown("Hush, by hand");
    await server.kill();
    for (const tab of tabs) await tab.untilStatus("reconnecting");
    await server.restart();
    for (const tab of tabs) await tab.untilStatus("connected");
    const texts = [await diagnostics(first)];
    await first.close();
    await second.untilRole("leader");
    // It shows the state of the last leader until it has a link of its own.
    const greeted = (text) => JSON.parse(text).recording.includes("welcome");
    texts.push(await eventually("it has a link of its own", () => diagnostics(second), greeted));

    for (const [at, text] of texts.entries()) {
      const { recording } = JSON.parse(text);
      assert.match(recording, /^everfresh 1 /);
      assert.ok(recording.includes("task_created") && recording.includes("welcome"));
      assert.ok(!recording.includes("Hush"), "a payload was recorded");
      // As it is attached to a report, and by itself.
      for (const [name, content] of [["report.json", text], ["run.txt", recording]]) {
        const file = join(folder, `${at}-${name}`);
        await writeFile(file, content);
        assert.match(await replay(file), /all outputs are what they were/);
      }
    }
  });

  test("a page that was not asked to records nothing", async () => {
    const tab = await browser.open(server.url);
    await tab.untilStatus("connected");
    assert.equal(JSON.parse(await diagnostics(tab)).recording, undefined);
  });
});
