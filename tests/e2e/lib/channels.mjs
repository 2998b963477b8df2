// What is so with every backend whose channels are those of Phoenix: for the tests of both.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { backendStage, fetched, heardOf, open, sharesAmongTabs, shows, survivesRestart, visit } from "./backend.mjs";
import { eventually } from "./browser.mjs";
import { engine, onceIsEnough } from "./environment.mjs";
import { PhoenixServer } from "./phoenix.mjs";

export const withServer = (wanted) => backendStage((www) => PhoenixServer.start(www, wanted));

/**
 * @param name what the server is
 * @param backend what the page is told of it
 * @param channel where tasks are told
 * @param topic what the server calls that
 */
export function followsChannels(name, { backend, channel, topic }) {
  describe(`a server of ${name}, in ${engine()}`, onceIsEnough(), () => {
    const here = withServer();
    const opened = () => openJoined(here, backend, { channel });

    test("events make queries stale, and a listener has their payload", async () => {
      const tab = await opened();
      const before = await fetched(tab);
      await here.server.addTask("By an event");
      await shows(tab, "By an event");
      await here.server.does("emit", { topic, event: "elsewhere", payload: { n: 1 } });
      await eventually("it is fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
      assert.deepEqual(await heardOf(tab, "elsewhere"), [[channel, { n: 1 }]]);
      assert.equal((await fetched(tab)).tasks, before.tasks + 1);
      assert.deepEqual(await tab.run("return rig.faults"), []);
    });

    test("after a restart what was missed costs one fetch of each query", async () => {
      await survivesRestart(here, await opened());
    });

    test("a channel that crashed is joined again, and what it missed is fetched", async () => {
      const tab = await opened();
      await here.server.does("crash", { topic });
      await eventually("it is noticed", () => tab.snapshot(), (snapshot) => !isSubscribed(snapshot));
      await here.server.addTask("While it was away", true);
      await shows(tab, "While it was away");
      await eventually("it is joined again", () => tab.snapshot(), isSubscribed);
      assert.equal((await tab.snapshot()).counters.dials, 1);
      await here.server.addTask("Afterwards");
      await shows(tab, "Afterwards");
    });

    test("tabs share a connection, and the next leader has one of its own", async () => {
      await sharesAmongTabs(here, opened);
    });

    test("a server that sends everybody away is dialled again", async () => {
      const tab = await opened();
      await here.server.does("disconnect");
      await eventually("it is noticed", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
      await here.server.addTask("Behind it");
      await shows(tab, "Behind it");
      await tab.untilStatus("connected");
    });
  });
}

/** Each kind of frame once, without its numbers, and the address that was dialled. */
export async function took({ server }) {
  const { dialled, said } = await server.does("said");
  const frames = new Map();
  for (const { text } of said) {
    const [join, ref, topic, event, payload] = JSON.parse(text);
    frames.set(event, JSON.stringify([join && "J", ref && "R", topic, event, payload]));
  }
  return { address: dialled.at(-1), frames: Object.fromEntries([...frames].sort()) };
}

/** The page says the same, on a server that has heard nobody else. */
export async function assertSame(here, theirs, backend, channel, more, next) {
  await here.server.kill();
  await here.server.restart();
  const tab = await visit(here, backend, { ...more, idle: 0 });
  await tab.untilStatus("connected");
  await tab.run("rig.leave = rig.live.channel(arguments[0])", channel);
  await eventually("it is joined", () => tab.snapshot(), isSubscribed);
  if (next) {
    await tab.run("rig.logIn(arguments[0])", next);
    await eventually("it is given", () => took(here), ({ frames }) => frames.access_token !== undefined);
  }
  await tab.run("rig.leave()");
  const ours = await eventually("it leaves", () => took(here), ({ frames }) => frames.phx_leave !== undefined);
  assert.deepEqual(ours, theirs);
}

export function deferred() {
  const out = {};
  out.promise = new Promise((resolve) => (out.resolve = resolve));
  return out;
}

export const isSubscribed = ({ channels }) => channels.length > 0 && channels.every(({ state }) => state === "subscribed");

/** A tab whose channels are joined, and that has caught up with what it may have missed before they were. */
export function openJoined(here, backend, more) {
  return open(here, backend, more, (tab) => eventually("it is joined", () => tab.snapshot(), isSubscribed));
}
