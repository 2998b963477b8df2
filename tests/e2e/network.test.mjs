// What a network can do to a page, done to real browsers by a proxy between them and the server.
// The numbers are those of the faults in docs/guarantees.md.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { connections, stage } from "./lib/stage.mjs";

/** How often the server pings. A silent link is given up this long and ten seconds after its last word. */
const PING_MS = 1000;

describe(`a bad network in ${engine()}`, () => {
  const here = stage({ flags: ["--ping-ms", String(PING_MS)], proxy: true });
  let tab;

  async function openTab() {
    tab = await here.browser.open(here.proxy.url);
    await tab.untilRole("leader");
  }

  async function openConnected() {
    await openTab();
    await tab.untilStatus("connected");
    await tab.untilTransport("ws");
  }

  test("fault 1: a link that cannot be had at first is made as soon as it can", async () => {
    here.proxy.break({ sockets: "reset", streams: "reset" });
    await openTab();
    await tab.untilStatus("degraded");
    await tab.untilTransport("poll");
    await here.server.addTask("Over the last way");
    await tab.untilShown("Over the last way");
    here.proxy.heal();
    await tab.click("connection-status");
    await tab.click("reconnect");
    await tab.untilStatus("connected");
    await tab.untilTransport("ws");
  });

  test("fault 3: a link that is open and dead is noticed, and what was missed is caught up", async () => {
    await openConnected();
    here.proxy.break({ deaf: true });
    await here.server.addTask("Said into the void");
    await eventually("the page notices", () => tab.status(), (status) => status !== "connected");
    here.proxy.heal();
    here.proxy.cut();
    await tab.untilStatus("connected");
    await tab.untilShown("Said into the void");
    await eventually("one connection is left", () => connections(here), (open) => open === 1);
  });

  test("fault 4: a proxy that cuts every connection after a while costs nothing", async () => {
    await openConnected();
    here.proxy.break({ cutAfterMs: 1500 });
    for (let n = 1; n <= 12; n += 1) {
      await here.server.addTask(`Through the cuts ${n}`);
      await tab.untilShown(`Through the cuts ${n}`);
    }
    here.proxy.heal();
    await tab.untilStatus("connected");
    await eventually("one connection is left", () => connections(here), (open) => open === 1);
    assert.ok(await tab.stillLoaded());
  });

  test("fault 7: where sockets hang a stream carries the same, and where that hangs too, polling", async () => {
    here.proxy.break({ sockets: "hang" });
    await openTab();
    await tab.untilTransport("sse");
    await tab.untilStatus("degraded");
    await here.server.addTask("Over a stream");
    await tab.untilShown("Over a stream");
    assert.equal(await connections(here), 1);
    here.proxy.break({ sockets: "hang", streams: "hang" });
    here.proxy.cut();
    await tab.untilTransport("poll");
    for (const title of ["Over polls", "Over polls again"]) {
      await here.server.addTask(title);
      await tab.untilShown(title);
    }
    await eventually("one connection is left", () => connections(here), (open) => open === 1);
  });

  test("fault 10: a flapping network ends in one state with one connection", async () => {
    await openConnected();
    const { dials } = here.proxy;
    for (let n = 0; n < 20; n += 1) {
      here.proxy.break({ refuse: n % 2 === 0 });
      here.proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    here.proxy.heal();
    await here.server.addTask("After the flapping");
    await tab.untilStatus("connected");
    await tab.untilShown("After the flapping");
    await eventually("one connection is left", () => connections(here), (open) => open === 1);
    // The network was there ten times, and at last. A page that dials without a pause comes to hundreds.
    assert.ok(here.proxy.dials - dials <= 15, `${here.proxy.dials - dials} dials`);
  });

  test("fault 34: ten thousand events are a few requests, and the last one counts", async () => {
    await openConnected();
    await tab.untilShown("Draft the new landing page");
    const before = (await here.server.stats()).requests_total;
    await here.server.burst(10_000);
    await here.server.addTask("After ten thousand events");
    await tab.untilShown("After ten thousand events");
    const requests = (await here.server.stats()).requests_total - before;
    assert.ok(requests < 60, `${requests} requests for 10,000 events`);
    assert.ok(await tab.stillLoaded());
    assert.equal(await connections(here), 1);
  });

  test("a slow network in pieces shows the same", async () => {
    await openConnected();
    here.proxy.break({ latencyMs: 150, jitterMs: 100, sliceBytes: 50 });
    for (const title of ["Slow and torn", "Slow and torn again"]) {
      await here.server.addTask(title);
      await tab.untilShown(title);
    }
    assert.equal(await tab.status(), "connected");
  });
});
