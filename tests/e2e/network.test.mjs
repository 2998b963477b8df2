// What a network can do to a page, done to real browsers by a proxy between them and the server.
// The numbers are those of the faults in docs/guarantees.md.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { Browser, eventually } from "./lib/browser.mjs";
import { engine } from "./lib/environment.mjs";
import { FaultProxy } from "./lib/proxy.mjs";
import { Server } from "./lib/server.mjs";

/** How often the server pings. A silent link is given up this long and ten seconds after its last word. */
const PING_MS = 1000;

describe(`a bad network in ${engine()}`, () => {
  let server;
  let proxy;
  let browser;
  let tab;

  before(async () => {
    server = await Server.start(["--ping-ms", String(PING_MS)]);
  });

  after(async () => {
    await server?.stop();
  });

  beforeEach(async () => {
    proxy = await FaultProxy.start(server.url);
    browser = await Browser.start();
  });

  afterEach(async () => {
    await browser?.stop();
    browser = undefined;
    await proxy.stop();
    await eventually("all connections are closed", connections, (open) => open === 0);
  });

  const connections = async () => (await server.stats()).sockets_open;

  async function openTab() {
    tab = await browser.open(proxy.url);
    await tab.untilRole("leader");
  }

  async function openConnected() {
    await openTab();
    await tab.untilStatus("connected");
    await tab.untilTransport("ws");
  }

  test("fault 1: a link that cannot be had at first is made as soon as it can", async () => {
    proxy.break({ sockets: "reset", streams: "reset" });
    await openTab();
    await tab.untilStatus("degraded");
    await tab.untilTransport("poll");
    await server.addTask("Over the last way");
    await tab.untilShown("Over the last way");
    proxy.heal();
    await tab.click("connection-status");
    await tab.click("reconnect");
    await tab.untilStatus("connected");
    await tab.untilTransport("ws");
  });

  test("fault 3: a link that is open and dead is noticed, and what was missed is caught up", async () => {
    await openConnected();
    proxy.break({ deaf: true });
    await server.addTask("Said into the void");
    await eventually("the page notices", () => tab.status(), (status) => status !== "connected");
    proxy.heal();
    proxy.cut();
    await tab.untilStatus("connected");
    await tab.untilShown("Said into the void");
    await eventually("one connection is left", connections, (open) => open === 1);
  });

  test("fault 4: a proxy that cuts every connection after a while costs nothing", async () => {
    await openConnected();
    proxy.break({ cutAfterMs: 1500 });
    for (let n = 1; n <= 12; n += 1) {
      await server.addTask(`Through the cuts ${n}`);
      await tab.untilShown(`Through the cuts ${n}`);
    }
    proxy.heal();
    await tab.untilStatus("connected");
    await eventually("one connection is left", connections, (open) => open === 1);
    assert.ok(await tab.stillLoaded());
  });

  test("fault 7: where sockets hang a stream carries the same, and where that hangs too, polling", async () => {
    proxy.break({ sockets: "hang" });
    await openTab();
    await tab.untilTransport("sse");
    await tab.untilStatus("degraded");
    await server.addTask("Over a stream");
    await tab.untilShown("Over a stream");
    assert.equal(await connections(), 1);
    proxy.break({ sockets: "hang", streams: "hang" });
    proxy.cut();
    await tab.untilTransport("poll");
    for (const title of ["Over polls", "Over polls again"]) {
      await server.addTask(title);
      await tab.untilShown(title);
    }
    await eventually("one connection is left", connections, (open) => open === 1);
  });

  test("fault 10: a flapping network ends in one state with one connection", async () => {
    await openConnected();
    const { dials } = proxy;
    for (let n = 0; n < 20; n += 1) {
      proxy.break({ refuse: n % 2 === 0 });
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    proxy.heal();
    await server.addTask("After the flapping");
    await tab.untilStatus("connected");
    await tab.untilShown("After the flapping");
    await eventually("one connection is left", connections, (open) => open === 1);
    // The network was there ten times, and at last. A page that dials without a pause comes to hundreds.
    assert.ok(proxy.dials - dials <= 15, `${proxy.dials - dials} dials`);
  });

  test("fault 34: ten thousand events are a few requests, and the last one counts", async () => {
    await openConnected();
    await tab.untilShown("Draft the new landing page");
    const before = (await server.stats()).requests_total;
    await server.burst(10_000);
    await server.addTask("After ten thousand events");
    await tab.untilShown("After ten thousand events");
    const requests = (await server.stats()).requests_total - before;
    assert.ok(requests < 60, `${requests} requests for 10,000 events`);
    assert.ok(await tab.stillLoaded());
    assert.equal(await connections(), 1);
  });

  test("a slow network in pieces shows the same", async () => {
    await openConnected();
    proxy.break({ latencyMs: 150, jitterMs: 100, sliceBytes: 50 });
    for (const title of ["Slow and torn", "Slow and torn again"]) {
      await server.addTask(title);
      await tab.untilShown(title);
    }
    assert.equal(await tab.status(), "connected");
  });
});
