// Tabs that come and go, one way and another, while the server goes on.
// The numbers are those of the faults in docs/guarantees.md.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { eventually } from "./lib/browser.mjs";
import { devtoolsOnly, engine } from "./lib/environment.mjs";
import { FaultProxy } from "./lib/proxy.mjs";
import { connections, stage } from "./lib/stage.mjs";

const TABS = 5;

describe(`tabs that come and go in ${engine()}`, () => {
  const here = stage();
  let tabs;

  beforeEach(() => {
    tabs = [];
  });

  const oneConnection = () => eventually("one connection is open", () => connections(here), (open) => open === 1);

  async function open(count) {
    for (let n = 0; n < count; n += 1) {
      const tab = await here.browser.open(here.server.url);
      await tab.untilStatus("connected");
      tabs.push(tab);
    }
  }

  /** Who leads, as the tabs themselves say. */
  async function leaders() {
    const leading = [];
    for (const tab of tabs) if ((await tab.role()) === "leader") leading.push(tab);
    return leading;
  }

  async function oneLeader() {
    const [leader] = await eventually("one tab leads", leaders, (leading) => leading.length === 1);
    return leader;
  }

  async function allShow(title) {
    for (const tab of tabs) await tab.untilShown(title);
  }

  test("fault 43: five tabs are one connection, and the last one left still has it", async () => {
    await open(TABS);
    assert.equal(await connections(here), 1);
    await here.server.addTask("Seen in five tabs");
    await allShow("Seen in five tabs");
    while (tabs.length > 1) {
      const leader = await oneLeader();
      tabs = tabs.filter((tab) => tab !== leader);
      // Published while nobody leads, or just before or after: whichever it is, it must not be lost.
      await Promise.all([leader.close(), here.server.addTask(`Left to ${tabs.length}`)]);
      await allShow(`Left to ${tabs.length}`);
      await oneLeader();
      await oneConnection();
      for (const tab of tabs) assert.ok(await tab.stillLoaded());
    }
  });

  test("fault 43: a leader that crashes is replaced", devtoolsOnly(), async () => {
    await open(3);
    const leader = await oneLeader();
    tabs = tabs.filter((tab) => tab !== leader);
    // The answer, which is that it crashed, is waited for: the driver may do what it is asked next
    // before this, and then another tab would be the one that crashes.
    await Promise.all([leader.devtools("Page.crash"), here.server.addTask("Around the crash")]);
    await allShow("Around the crash");
    await oneLeader();
    await oneConnection();
    await here.server.addTask("After the crash");
    await allShow("After the crash");
  });

  test("fault 43: a leader that is frozen is replaced, and thaws as one of the others", devtoolsOnly(), async () => {
    await open(3);
    const leader = await oneLeader();
    const others = tabs.filter((tab) => tab !== leader);
    await leader.devtools("Page.setWebLifecycleState", { state: "frozen" });
    tabs = others;
    await here.server.addTask("While it is frozen");
    await allShow("While it is frozen");
    await oneLeader();
    await leader.devtools("Page.setWebLifecycleState", { state: "active" });
    tabs = [leader, ...others];
    await allShow("While it is frozen");
    await oneLeader();
    await oneConnection();
  });

  test("fault 55: a page that comes back shows what happened meanwhile", async () => {
    await open(1);
    const [tab] = tabs;
    for (const title of ["While it was away", "While it was away again"]) {
      await tab.leaveAndComeBack(() => here.server.addTask(title));
      await tab.untilStatus("connected");
      await tab.untilShown(title);
      await oneConnection();
      // Firefox keeps no page that had a socket. The others keep ours, because nothing of it is in the way.
      assert.equal(await tab.stillLoaded(), engine() !== "firefox");
    }
  });

  test("fault 57: a tab that is loaded again goes on, and so do the others", async () => {
    await open(2);
    for (const tab of tabs) {
      await Promise.all([tab.reload(), here.server.addTask("Around a reload")]);
      await allShow("Around a reload");
    }
    await oneLeader();
    await oneConnection();
  });

  test("fault 11: a tab that goes while it dials leaves nothing behind", async () => {
    const proxy = await FaultProxy.start(here.server.url);
    try {
      proxy.break({ sockets: "hang", streams: "hang" });
      const tab = await here.browser.open(proxy.url);
      await tab.untilStatus("connecting");
      await tab.leaveAndComeBack(() => eventually("nothing is open", () => connections(here), (open) => open === 0));
      proxy.heal();
      await tab.untilStatus("connected");
      await oneConnection();
    } finally {
      await proxy.stop();
    }
  });
});
