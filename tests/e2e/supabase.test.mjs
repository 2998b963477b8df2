// A page that has a project of Supabase. The server is ours (`phoenix/server.mjs` says why), so the official client is run against it
// too, and what it says is what the page says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RealtimeClient } from "@supabase/realtime-js";
import { WebSocket } from "ws";

import { heardOf, shows } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { assertSame, deferred, followsChannels, isSubscribed, openJoined, took, withServer } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";

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
});
