// A page that follows subscriptions of GraphQL, with the server of npm `graphql-ws`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { backendStage, fetched, heardOf, sharesAmongTabs, shows, survivesRestart, visit } from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { isSubscribed, openJoined } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";
import { GraphQlServer } from "./lib/graphql.mjs";
import { connections } from "./lib/stage.mjs";

const channel = "list:all";
const backend = {
  kind: "graphql",
  url: "/graphql",
  subscriptions: {
    "list:{id}": {
      query: "subscription Tasks($list: ID!) { task(list: $list) { title } } subscription Other { elsewhere }",
      variables: { list: "{id}" },
      operationName: "Tasks",
      event: "task_created",
      data: "$.task",
    },
    elsewhere: { query: "subscription { elsewhere }" },
    secret: { query: "subscription { secret }" },
    wrong: { query: "subscription { nosuch }" },
  },
};

const withServer = (wanted) => backendStage((www) => GraphQlServer.start(www, wanted));

describe(`a server with graphql-ws, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();
  const opened = () => openJoined(here, backend, { channel });

  test("results make queries stale, and a listener has their payload", async () => {
    const tab = await opened();
    await tab.run("rig.live.channel('elsewhere')");
    await eventually("both are there", () => tab.snapshot(), ({ channels }) => channels.length === 2 && isSubscribed({ channels }));
    // Each at its own moment: what comes later would be counted with the event.
    await eventually("what it may have missed is fetched", () => fetched(tab), ({ counts, tasks }) => counts >= 3 && tasks >= 3);
    const before = await fetched(tab);
    await here.server.addTask("By a result");
    await shows(tab, "By a result");
    assert.deepEqual(await heardOf(tab, "task_created"), [[channel, { title: "By a result" }]]);
    await here.server.does("emit", { name: "elsewhere", value: 7 });
    await eventually("it is fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    assert.deepEqual(await heardOf(tab, "elsewhere"), [["elsewhere", { elsewhere: 7 }]]);
    assert.equal((await fetched(tab)).tasks, before.tasks + 1);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("after a restart what was missed costs one fetch of each query", async () => {
    await survivesRestart(here, await opened());
  });

  test("a subscription that the server ends is made again, and what it missed is fetched", async () => {
    const tab = await opened();
    await here.server.does("complete");
    await eventually("it is noticed", () => tab.snapshot(), (snapshot) => !isSubscribed(snapshot));
    await here.server.addTask("While it was away");
    await shows(tab, "While it was away");
    await eventually("it is made again", () => tab.snapshot(), isSubscribed);
    assert.equal((await tab.snapshot()).counters.dials, 1);
    await here.server.addTask("Afterwards");
    await shows(tab, "Afterwards");
  });

  test("what the server refuses is told of, and the others go on", async () => {
    const tab = await opened();
    await tab.run("for (const name of ['secret', 'wrong']) rig.live.channel(name)");
    const said = async () => (await tab.run("return rig.faults")).join("\n");
    await eventually("both are told", said, (faults) => /forbidden: not for you/.test(faults) && /bad_request: Cannot query/.test(faults));
    const state = ({ channels }, name) => channels.find(({ channel }) => channel === name).state;
    await eventually("they are refused", () => tab.snapshot(), (s) => ["secret", "wrong"].every((name) => state(s, name) === "refused"));
    assert.equal(state(await tab.snapshot(), channel), "subscribed");
    await here.server.addTask("By the other");
    await shows(tab, "By the other");
  });

  test("tabs share a connection, and the next leader has one of its own", async () => {
    await sharesAmongTabs(here, opened);
  });

  test("a close that may pass is followed by a dial, and one for good by none", async () => {
    const tab = await opened();
    await here.server.does("close", { code: 4500 });
    await eventually("it is dialled again", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
    await tab.untilStatus("connected");
    await here.server.does("close", { code: 4400 });
    await tab.untilStatus("failed");
  });
});

describe(`a server with graphql-ws that wants a token, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ tokens: ["good", "better"] });

  test("one that is refused needs a login, and a new one is a new connection", async () => {
    const tab = await visit(here, backend, { channel, token: "bad" });
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    await tab.run("rig.logIn('better')");
    const seen = async () => (await here.server.does("params")).map(({ token }) => token);
    await eventually("it is known by the next", seen, (tokens) => tokens.at(-1) === "better");
    await eventually("one connection is open", () => connections(here), (open) => open === 1);
  });

  test("what the server is told of the page is the app's to write", async () => {
    const connect = { authorization: "Bearer $token", app: "planner" };
    const tab = await visit(here, { ...backend, connect }, { channel, token: "good" });
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    assert.deepEqual(await here.server.does("params"), [{ authorization: "Bearer good", app: "planner" }]);
  });
});
