// A server of Phoenix, which closes when it is not asked for signs of life, and never asks for any itself.

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { describe, test } from "node:test";

import { visit } from "../lib/backend.mjs";
import { withServer } from "../lib/channels.mjs";
import { engine } from "../lib/environment.mjs";

describe(`a server of Phoenix that waits for signs of life, in ${engine()}`, () => {
  const here = withServer({ patienceMs: 60_000 });

  test("it gets them for three minutes, while the page is hidden", async () => {
    const tab = await visit(here, { kind: "phoenix", url: "/socket" }, { channel: "room:tasks" });
    await tab.untilStatus("connected");
    await here.browser.open("about:blank");
    await wait(180_000);
    const { said } = await here.server.does("said");
    const asked = said.filter(({ text }) => text?.includes("heartbeat")).length;
    assert.ok(asked >= 6, `it asked ${asked} times`);
    assert.equal((await here.server.stats()).connects, 1);
  });
});
