// A page that has a project of Supabase. The server is ours (`examples/stand-ins/phoenix.mjs` says why), so the official client
// is run against it too, and what it says is what the page says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { RealtimeClient } from "@supabase/realtime-js";
import { WebSocket } from "ws";

import { fetched, heardOf, shows, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { assertSame, deferred, followsChannels, isSubscribed, openJoined, took, withServer } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { connections } from "./lib/stage.mjs";

const TASKS = { table: "tasks", filter: "project_id=eq.{id}" };
const SUPABASE = {
  backend: { kind: "supabase", url: "/", apikey: "anon", channels: { "tasks:{id}": { changes: [TASKS] } } },
  channel: "tasks:p1",
  topic: "realtime:tasks:p1",
};

followsChannels("Supabase", SUPABASE);

describe(`a project of Supabase, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ tokens: ["good", "better"] });
  const { backend, channel, topic } = SUPABASE;
  const open = () => openJoined(here, backend, { channel, token: "good" });

  test("a change has its row, and one of another project is not told", async () => {
    const tab = await open();
    const row = { id: 7, project_id: "p1" };
    await here.server.does("change", { type: "INSERT", table: "tasks", record: { id: 8, project_id: "p2" } });
    await here.server.does("change", { type: "DELETE", table: "tasks", old_record: row });
    const heard = await eventually("it is heard", () => heardOf(tab, "postgres:DELETE:public.tasks"), ({ length }) => length === 1);
    assert.deepEqual([heard[0][0], heard[0][1].old_record], [channel, row]);
    assert.deepEqual(await heardOf(tab, "postgres:INSERT:public.tasks"), []);
  });

  test("a new token is given on the connection that goes on, and one that ended is asked for anew", async () => {
    const tab = await open();
    await tab.run("rig.logIn('better')");
    const said = async () => (await here.server.does("said")).said.map(({ text }) => text ?? "");
    await eventually("it is given", said, (all) => all.some((text) => text.includes('"access_token",{"access_token":"better"}')));
    await here.server.addTask("Known");
    await shows(tab, "Known");
    assert.equal((await tab.snapshot()).counters.dials, 1);
    await tab.run("rig.logIn('bad')");
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is joined again", () => tab.snapshot(), isSubscribed);
  });

  test("changes that are refused for good are told of, and the connection stays", async () => {
    const tab = await open();
    const message = "Unable to subscribe to changes with given parameters";
    await here.server.does("refuse", { topic: "realtime:none", reason: "Unauthorized: You do not have permissions" });
    await tab.run("rig.live.channel('none')");
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => /forbidden: Unauthorized/.test(seen.join()));
    await here.server.does("system", { topic, extension: "postgres_changes", status: "error", message });
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => seen.join().includes(message));
    await eventually("it is joined again", () => tab.snapshot(), ({ channels }) => channels.some((one) => one.channel === channel && one.state === "subscribed"));
    assert.equal((await tab.snapshot()).status, "connected");
  });
});

/** A private channel of which is told after a gap what the database keeps. */
const KEPT = { kind: "supabase", url: "/", apikey: "anon", channels: { "log:{id}": { private: true, replay: true } } };
const keep = (here, channel, n) => here.server.does("broadcast", { topic: `realtime:${channel}`, event: "elsewhere", payload: { n } });

/** The page is cut off until the function is done. */
async function away(here, deed) {
  here.proxy.break({ refuse: true });
  here.proxy.cut();
  await eventually("the server notices", () => connections(here), (open) => open === 0);
  await deed();
  here.proxy.heal();
}

/** The tab hears these, each once, in this order. */
async function hearsOnce(tab, numbers) {
  const all = async () => (await heardOf(tab, "elsewhere")).map(([, { n }]) => n);
  await eventually("all are heard", all, ({ length }) => length >= numbers.length);
  assert.deepEqual(await all(), numbers);
}

describe(`broadcasts of a database that were missed, in ${engine()}`, () => {
  const here = withServer();
  const open = (channel) => openJoined(here, KEPT, { channel });

  test("they are told after the gap, each once, and all is fetched as after any gap", async () => {
    const channel = "log:1";
    const tab = await open(channel);
    await keep(here, channel, 1);
    await hearsOnce(tab, [1]);
    const before = await fetched(tab);
    await away(here, async () => {
      await keep(here, channel, 2);
      await keep(here, channel, 3);
      await here.server.does("broadcast", { topic: "realtime:log:1", event: "blob", bytes: [1, 2, 255] });
      // What a client says the database does not keep.
      await here.server.does("emit", { topic: "realtime:log:1", event: "elsewhere", payload: { n: 0 } });
      await here.server.addTask("While it was away", true);
    });
    await shows(tab, "While it was away");
    await hearsOnce(tab, [1, 2, 3]);
    await eventually("bytes are told", () => heardOf(tab, "blob"), ({ length }) => length === 1);
    // Another gap, in which one more is missed.
    await away(here, () => keep(here, channel, 4));
    await hearsOnce(tab, [1, 2, 3, 4]);
    await keep(here, channel, 5);
    await hearsOnce(tab, [1, 2, 3, 4, 5]);
    assert.deepEqual(await heardOf(tab, "blob"), [["log:1", "AQL/"]]);
    const { tasks, counts } = await fetched(tab);
    assert.ok(tasks > before.tasks && counts > before.counts);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("the tab that leads next is told what nobody was told, and no more", async () => {
    const channel = "log:2";
    const [first, second] = [await open(channel), await open(channel)];
    await keep(here, channel, 11);
    for (const tab of [first, second]) await hearsOnce(tab, [11]);
    const leads = (await first.snapshot()).role === "leader";
    const [leader, next] = leads ? [first, second] : [second, first];
    // Nobody has a connection while the leader goes.
    await away(here, async () => {
      await leader.tab.close();
      await keep(here, channel, 12);
    });
    await hearsOnce(next, [11, 12]);
    await keep(here, channel, 13);
    await hearsOnce(next, [11, 12, 13]);
  });
});

describe(`rooms over a project of Supabase, in ${engine()}`, () => {
  const here = withServer();
  const backend = { kind: "supabase", url: "/", apikey: "anon" };
  /** A tab of a person, whom the token names, that looks who is on the board and shows something of itself. */
  const enter = async (user, meta) => {
    const token = `h.${Buffer.from(JSON.stringify({ sub: user })).toString("base64url")}.s`;
    const tab = await visit(here, backend, { user, name: user, token, rooms: "" });
    await tab.run("rig.look('board').join(arguments[0])", meta);
    return tab;
  };
  const sees = (tab, people) =>
    eventually(`it sees ${JSON.stringify(people)}`, () => tab.run("return rig.people()"), (seen) => isDeepStrictEqual(seen, people));

  test("two people see each other with their tabs, as the official client sees them, and that one leaves", async () => {
    const ann = await enter("ann", { at: "list" });
    const second = await enter("ann", { at: "map" });
    const both = [{ at: "list" }, { at: "map" }];
    // Tabs are in the order of their names, which are made of chance.
    const inOrder = async (tab) => {
      const [first] = await eventually("both tabs are there", () => tab.run("return rig.people()"), ([one]) => one?.[2].length === 2);
      assert.deepEqual([...first[2]].sort((a, b) => (a.at < b.at ? -1 : 1)), both);
      return first[2];
    };
    const tabs = await inOrder(ann);
    const ben = await enter("ben", { at: "list" });
    await sees(ben, [["ann", false, tabs], ["ben", true, [{ at: "list" }]]]);
    for (const tab of [ann, second]) await sees(tab, [["ann", true, tabs], ["ben", false, [{ at: "list" }]]]);

    // The official client, which shows what it likes.
    const client = new RealtimeClient(`${here.server.url.replace("http", "ws")}/realtime/v1`, { transport: WebSocket, params: { apikey: "anon" } });
    const channel = client.channel("board", { config: { presence: { key: "zoe" } } });
    channel.on("presence", { event: "sync" }, () => {});
    channel.subscribe((status) => status === "SUBSCRIBED" && channel.track({ where: "phone" }));
    const zoe = ["zoe", false, [{ where: "phone" }]];
    await sees(ben, [["ann", false, tabs], ["ben", true, [{ at: "list" }]], zoe]);
    const shown = Object.values(channel.presenceState()).flat();
    assert.deepEqual(shown.map(({ user, where }) => user ?? where).sort(), ["ann", "ben", "phone"]);
    await channel.untrack();
    await client.disconnect();
    await ben.tab.close();
    for (const tab of [ann, second]) await sees(tab, [["ann", true, tabs]]);
    assert.deepEqual(await ann.run("return rig.faults"), []);
  });

  test("what changes often is told seldom, the last of it always, and typing is refused in words", async () => {
    const ann = await enter("ann", { n: 0 });
    const ben = await enter("ben", { n: 0 });
    await ann.run("for (let n = 1; n <= 30; n += 1) setTimeout(() => rig.room.join({ n }), 100 * n)");
    await sees(ben, [["ann", false, [{ n: 30 }]], ["ben", true, [{ n: 0 }]]]);
    const { said } = await here.server.does("said");
    const tracks = said.filter(({ text = "" }) => text.includes('"track"') && text.includes('"ann"'));
    assert.ok(tracks.length <= 3, `${tracks.length}`);
    await ann.run("rig.room.typing('title')");
    await eventually("it is told", () => ann.run("return rig.faults"), (seen) => seen.join().includes("this server has no typing"));
    await ann.run("rig.room.field('title').take()");
    await eventually("it is told", () => ann.run("return rig.faults"), (seen) => seen.join().includes("this server has no leases"));
    // A channel that crashes is joined again, and everybody is there again.
    await here.server.does("crash", { topic: "realtime:board" });
    await eventually("it is joined again", () => ann.snapshot(), isSubscribed);
    for (const tab of [ann, ben]) {
      const people = await eventually("both are there", () => tab.run("return rig.people()"), ({ length }) => length === 2);
      assert.deepEqual(people.map(([user]) => user), ["ann", "ben"]);
    }
  });
});

describe(`what the official client says, and what the page says, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();

  test("realtime-js", async () => {
    const url = `${here.server.url.replace("http", "ws")}/realtime/v1`;
    const client = new RealtimeClient(url, { transport: WebSocket, params: { apikey: "anon" }, heartbeatIntervalMs: 200 });
    // Before the first join, or it goes without.
    await client.setAuth("jwt");
    const channel = client.channel("tasks:p1", { config: { private: true, broadcast: { self: true, ack: false } } });
    channel.on("postgres_changes", { event: "*", schema: "public", table: "tasks", filter: "project_id=eq.p1" }, () => {});
    const joined = deferred();
    channel.subscribe((status) => status === "SUBSCRIBED" && joined.resolve());
    await joined.promise;
    await eventually("it asks", () => here.server.does("said"), ({ said }) => said.some(({ text }) => text.includes("heartbeat")));
    await client.setAuth("jwt-2");
    await client.removeChannel(channel);
    await client.disconnect();
    const theirs = await took(here);
    const how = { private: true, broadcast: { self: true, ack: false }, changes: [TASKS] };
    const backend = { kind: "supabase", url: "/", apikey: "anon", channels: { "tasks:{id}": how } };
    await assertSame(here, theirs, backend, "tasks:p1", { token: "jwt" }, "jwt-2");
  });

  test("realtime-js, of what was missed", async () => {
    const channel = "log:3";
    const tab = await openJoined(here, KEPT, { channel, token: "jwt" });
    const theirs = [];
    const since = Date.now();
    const client = new RealtimeClient(`${here.server.url.replace("http", "ws")}/realtime/v1`, { transport: WebSocket, params: { apikey: "anon" } });
    await away(here, async () => {
      // More than the server tells again.
      for (let n = 1; n <= 30; n += 1) await keep(here, channel, n);
      await client.setAuth("jwt");
      const theirChannel = client.channel(channel, { config: { private: true, broadcast: { self: false, ack: false, replay: { since, limit: 25 } } } });
      theirChannel.on("broadcast", { event: "elsewhere" }, ({ payload, meta }) => theirs.push([payload.n, meta.replayed ?? false]));
      theirChannel.subscribe();
      await eventually("it is told", () => theirs, ({ length }) => length === 25);
    });
    await eventually("it is joined again", () => tab.snapshot(), isSubscribed);
    await hearsOnce(tab, theirs.map(([n]) => n));
    await keep(here, channel, 31);
    await eventually("it is told", () => theirs, ({ length }) => length === 26);
    const last = Array.from({ length: 26 }, (_, at) => [at + 6, at < 25]);
    assert.deepEqual(theirs, last);
    await hearsOnce(tab, last.map(([n]) => n));
    const { said } = await here.server.does("said");
    const joins = said.map(({ text }) => JSON.parse(text)).filter(([, , topic, event]) => topic === "realtime:log:3" && event === "phx_join");
    const [first, official, page] = joins.slice(-3).map(([, , , , payload]) => payload);
    assert.equal(first.config.broadcast.replay, undefined);
    assert.ok(page.config.broadcast.replay.since <= since);
    page.config.broadcast.replay.since = since;
    assert.deepEqual(page, official);
    await client.disconnect();
  });
});
