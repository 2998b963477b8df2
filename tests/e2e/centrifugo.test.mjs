// A page whose server speaks the protocol of Centrifugo. The server is ours (`examples/stand-ins/centrifugo.mjs` says why), so the
// official client is run against it too, and what it says is what the page says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { Centrifuge } from "centrifuge";
import { WebSocket } from "ws";

import {
  backendStage,
  fetched,
  heardOf,
  sharesAmongTabs,
  shows,
  survivesLoss,
  survivesRestart,
  survivesSilence,
  visit,
} from "./lib/backend.mjs";
import { eventually } from "./lib/browser.mjs";
import { CentrifugoServer } from "./lib/centrifugo.mjs";
import { deferred, isSubscribed, openJoined } from "./lib/channels.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";

const backend = { kind: "centrifugo", url: "/connection/websocket" };
const channel = "tasks:all";

const withServer = (wanted) => backendStage((www) => CentrifugoServer.start(www, wanted));

describe(`a server of Centrifugo, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer();
  const opened = (more) => openJoined(here, { ...backend, ...more }, { channel });

  test("publications make queries stale, and a listener has their payload", async () => {
    const tab = await opened();
    const before = await fetched(tab);
    await here.server.addTask("By an event");
    await shows(tab, "By an event");
    await here.server.does("publish", { channel, data: { event: "elsewhere", payload: { n: 1 } } });
    await eventually("it is fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    assert.deepEqual(await heardOf(tab, "elsewhere"), [[channel, { n: 1 }]]);
    assert.equal((await fetched(tab)).tasks, before.tasks + 1);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("after a loss what was missed costs its own fetch and no other", async () => {
    await survivesLoss(here, await opened(), "Told afterwards");
  });

  test("after a restart, which is another epoch, what was missed costs one fetch of each query", async () => {
    await survivesRestart(here, await opened());
  });

  test("a publication that got lost on the way is asked for when the next one shows it", async () => {
    const tab = await opened();
    const before = await fetched(tab);
    await here.server.does("publish", { channel, data: { type: "elsewhere", data: { n: 1 } }, lost: true });
    await here.server.addTask("Behind the hole");
    await shows(tab, "Behind the hole");
    await eventually("both are heard", () => heardOf(tab, "elsewhere"), (heard) => heard.length === 1);
    await eventually("it is fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts + 1 });
    const { counters } = await tab.snapshot();
    assert.deepEqual([counters.dials, counters.gaps], [1, 1]);
  });

  test("a channel that the server takes back for now is had again at once, with what was missed", async () => {
    const tab = await opened();
    const before = await fetched(tab);
    await here.server.does("take-back", { channel, code: 2500 });
    await here.server.addTask("While it was away");
    await shows(tab, "While it was away");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    assert.deepEqual(await fetched(tab), { tasks: before.tasks + 1, counts: before.counts });
    assert.equal((await tab.snapshot()).counters.dials, 1);
  });

  test("tabs share a connection, and the next leader goes on where the last one was", async () => {
    // What is told while nobody listens is recovered.
    await sharesAmongTabs(here, opened, { silent: false });
  });

  test("who comes and goes is an event where the app wants it", async () => {
    const tab = await opened({ presence: true });
    await tab.run("for (const name of ['join', 'leave']) rig.live.on(`presence:${name}`, ({ user }) => rig.heard.push([name, user]))");
    const other = new Centrifuge(`${here.server.url.replace("http", "ws")}/connection/websocket`, { websocket: WebSocket, token: "bob" });
    const subscription = other.newSubscription(channel);
    subscription.subscribe();
    other.connect();
    await subscription.ready(5000);
    await eventually("it is told", () => heardOf(tab, "join"), (heard) => heard.length === 1);
    other.disconnect();
    await eventually("it is told", () => heardOf(tab, "leave"), (heard) => heard.length === 1);
    assert.deepEqual([await heardOf(tab, "join"), await heardOf(tab, "leave")], [[["bob"]], [["bob"]]]);
  });

  test("a room has who is there, as the official client has them, and whoever that is on this page", async () => {
    const tab = await visit(here, { ...backend, presence: true }, { token: "ann", rooms: "" });
    await tab.run("rig.look(arguments[0]).join({ at: 'list' })", channel);
    const sees = (users) =>
      eventually(`it sees ${users}`, () => tab.run("return rig.people()"), (seen) => isDeepStrictEqual(seen.map(([user, self]) => [user, self]), users));
    await sees([["ann", true]]);
    // The server alone says what is seen.
    await eventually("it is told", () => tab.run("return rig.faults"), (seen) => seen.join().includes("no presence that a page tells"));
    const other = new Centrifuge(`${here.server.url.replace("http", "ws")}/connection/websocket`, { websocket: WebSocket, token: "bob" });
    const subscription = other.newSubscription(channel);
    subscription.subscribe();
    other.connect();
    await subscription.ready(5000);
    await sees([["ann", true], ["bob", false]]);
    const { clients } = await subscription.presence();
    assert.deepEqual(Object.values(clients).map(({ user }) => user).sort(), ["ann", "bob"]);
    await here.server.does("take-back", { channel, code: 2500 });
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    await sees([["ann", true], ["bob", false]]);
    other.disconnect();
    await sees([["ann", true]]);
  });

  test("what the server refuses for good is told of, and a code that says stay away is obeyed", async () => {
    const tab = await opened();
    await here.server.does("refuse", { channel: "closed", code: 103, message: "permission denied" });
    await tab.run("rig.live.channel('closed')");
    const faults = await eventually("it is told", () => tab.run("return rig.faults"), ({ length }) => length >= 2);
    assert.match(faults.join(), /forbidden: permission denied \(channel closed\)/);
    await here.server.does("disconnect", { code: 3001 });
    await eventually("it is dialled again", () => tab.snapshot(), ({ counters }) => counters.dials > 1);
    await tab.untilStatus("connected");
    await here.server.does("disconnect", { code: 3503 });
    await tab.untilStatus("failed");
  });
});

describe(`a server of Centrifugo that gives channels, keeps little and is often heard, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ given: [channel], keeps: 2, ping: 1 });
  const opened = () => openJoined(here, backend, { channel });

  test("a channel that the server gives is not asked for, and is recovered with the first command", async () => {
    const tab = await opened();
    await here.server.addTask("By a channel that was given");
    await shows(tab, "By a channel that was given");
    await survivesLoss(here, tab, "Told with the welcome");
    const { said } = await here.server.does("said");
    assert.deepEqual(said.filter((text) => text.includes('"subscribe"')), []);
    const hello = JSON.parse(said.findLast((text) => text.includes('"connect"')));
    assert.equal(hello.connect.subs[channel].offset, 1);
  });

  test("what is not kept any more is a gap", async () => {
    const tab = await opened();
    const before = await fetched(tab);
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    for (const title of ["One", "Two", "Three"]) await here.server.addTask(title);
    here.proxy.heal();
    await shows(tab, "Three");
    await eventually("all is fetched", () => fetched(tab), ({ counts }) => counts > before.counts);
  });

  test("signs of life are answered, and a silence is noticed", async () => {
    const tab = await opened();
    const pongs = async () => (await here.server.does("said")).said.filter((text) => text === "{}").length;
    await eventually("they are answered", pongs, (count) => count >= 3);
    assert.equal((await tab.snapshot()).counters.dials, 1);
    await survivesSilence(here, tab);
  });
});

describe(`a server of Centrifugo whose tokens end, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ tokens: ["good", "better"], ttl: 6 });

  test("a token is renewed on the connection that goes on, and one that is refused needs a login", async () => {
    const tab = await visit(here, backend, { channel, token: "bad" });
    await tab.untilStatus("needs-auth");
    await tab.run("rig.logIn('good')");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    const { counters } = await tab.snapshot();
    const renewals = async () => (await here.server.does("said")).said.filter((text) => text.includes('"refresh"'));
    const said = await eventually("it is renewed", renewals, ({ length }) => length >= 1);
    assert.deepEqual(JSON.parse(said[0]).refresh, { token: "good" });
    assert.equal((await tab.snapshot()).counters.dials, counters.dials);
  });
});

describe(`a server of Centrifugo that wants a token for each channel, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ channelTtl: 6, ping: 1 });
  const own = "private:ann";
  const opened = (channelToken) => visit(here, backend, { channel: own, channelToken });
  const asked = (tab) => tab.run("return rig.askedForChannels");
  const said = async (method) => {
    const { said } = await here.server.does("said");
    const commands = said.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line)[method]);
    return commands.filter((command) => command !== undefined);
  };

  test("it is asked for, goes with the channel, and is renewed on the subscription that goes on", async () => {
    const tab = await opened("one");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    assert.deepEqual((await said("subscribe")).at(-1), { channel: own, token: "one", positioned: true, recoverable: true });
    await here.server.does("channel-tokens", { good: ["two"] });
    await tab.run("rig.takeForChannels('two')");
    const renewed = await eventually("it is renewed", () => said("sub_refresh"), ({ length }) => length > 0);
    assert.deepEqual(renewed[0], { channel: own, token: "two" });
    await here.server.does("publish", { channel: own, data: { type: "elsewhere", data: { n: 1 } } });
    await eventually("it is heard", () => heardOf(tab, "elsewhere"), ({ length }) => length === 1);
    assert.deepEqual((await asked(tab)).slice(0, 2), [[own, "connect"], [own, "expiring"]]);
    assert.deepEqual(await tab.run("return rig.faults"), []);
    assert.equal((await tab.snapshot()).counters.dials, 1);
    // What ends all the same is had again by another one, with what was missed.
    await here.server.does("take-back", { channel: own, code: 2501 });
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
  });

  test("one that is refused is asked for once more, and after that it is told of", async () => {
    await here.server.does("channel-tokens", { good: ["two"] });
    const tab = await opened("old");
    const faults = await eventually("it is told", () => tab.run("return rig.faults"), ({ length }) => length > 0);
    assert.match(faults.join(), /token_expired: token expired \(channel private:ann\)/);
    assert.deepEqual(await asked(tab), [[own, "connect"], [own, "rejected"]]);
    // After a login it is another person's, or has another role.
    await tab.run("rig.takeForChannels('two'); rig.live.setToken('ann')");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    assert.deepEqual((await tab.snapshot()).status, "connected");
  });

  test("the official client says the same", async () => {
    const whole = async () => ({ subscribe: (await said("subscribe")).at(-1), renewal: (await said("sub_refresh")).at(-1) });
    const isWhole = ({ renewal }) => renewal !== undefined;
    const fresh = async () => {
      await here.server.kill();
      await here.server.restart();
    };
    await fresh();
    const client = new Centrifuge(`${here.server.url.replace("http", "ws")}/connection/websocket`, { websocket: WebSocket });
    const subscription = client.newSubscription(own, { positioned: true, recoverable: true, getToken: async () => "one" });
    subscription.subscribe();
    client.connect();
    await subscription.ready(5000);
    const theirs = await eventually("it renews", whole, isWhole);
    client.disconnect();
    // It may be told channels by numbers, which we do not ask for.
    delete theirs.subscribe.flag;
    await fresh();
    const tab = await opened("one");
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    assert.deepEqual(await eventually("it renews", whole, isWhole), theirs);
  });
});

describe(`a server of Centrifugo that tells what is new of each payload, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ deltas: true, ping: 1 });
  const delta = "fossil";
  const opened = () => openJoined(here, { ...backend, delta }, { channel });
  const lorem = "lorem ipsum dolor sit amet é ".repeat(20);
  const tell = (n, lost) => here.server.does("publish", { channel, data: { type: "elsewhere", data: { lorem, n } }, lost });
  const numbers = async (tab) => (await heardOf(tab, "elsewhere")).map(([, { n }]) => n);
  const until = (tab, count) => eventually("it is heard", () => numbers(tab), ({ length }) => length === count);

  test("each is made of the one before, also of what was told before a loss", async () => {
    const tab = await opened();
    for (const n of [1, 2, 3]) await tell(n);
    assert.deepEqual(await until(tab, 3), [1, 2, 3]);
    here.proxy.break({ refuse: true });
    here.proxy.cut();
    for (const n of [4, 5]) await tell(n);
    here.proxy.heal();
    assert.deepEqual(await until(tab, 5), [1, 2, 3, 4, 5]);
    await tell(6);
    assert.deepEqual(await until(tab, 6), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual((await heardOf(tab, "elsewhere")).at(-1)[1].lorem, lorem);
    assert.deepEqual(await tab.run("return rig.faults"), []);
  });

  test("what does not fit is had again whole, with everything that was missed, on the same connection", async () => {
    const tab = await opened();
    const { dials } = (await tab.snapshot()).counters;
    await tell(1);
    await until(tab, 1);
    // A broker that lost it gave it to who makes the deltas.
    await here.server.does("spoil", { channel });
    await tell(2);
    await tell(3);
    assert.deepEqual(await until(tab, 3), [1, 2, 3]);
    assert.match((await tab.run("return rig.faults")).join(), /bad-frame: .* does not fit/);
    assert.equal((await tab.snapshot()).counters.dials, dials);
    await tell(4);
    assert.deepEqual(await until(tab, 4), [1, 2, 3, 4]);
  });

  test("the official client hears the same", async () => {
    const client = new Centrifuge(`${here.server.url.replace("http", "ws")}/connection/websocket`, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 100 });
    const subscription = client.newSubscription(channel, { positioned: true, recoverable: true, delta });
    const heard = [];
    subscription.on("publication", ({ data }) => heard.push(data.data.n));
    subscription.subscribe();
    client.connect();
    try {
      await subscription.ready(5000);
      const tab = await opened();
      for (const n of [1, 2]) await tell(n);
      await eventually("it is heard", async () => heard, ({ length }) => length === 2);
      assert.deepEqual([heard, await until(tab, 2)], [[1, 2], [1, 2]]);
      const { said } = await here.server.does("said");
      const wanted = said.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line).subscribe).filter((asked) => asked?.delta);
      const [theirs, ours] = [wanted.find(({ flag }) => flag !== undefined), wanted.at(-1)];
      // It may be told channels by numbers, which we do not ask for.
      delete theirs.flag;
      assert.deepEqual(ours, theirs);
    } finally {
      client.disconnect();
    }
  });
});

describe(`what the official client says, and what the page says, in ${engine()}`, onceIsEnough(), () => {
  const here = withServer({ ping: 1, ttl: 6 });

  /** Each kind of command once, without its number. */
  async function took() {
    const { dialled, said } = await here.server.does("said");
    const commands = said.flatMap((text) => text.split("\n")).map((line) => {
      const { id, ...command } = JSON.parse(line);
      // It may be told channels by numbers, which we do not ask for.
      delete command.subscribe?.flag;
      assert.equal(id === undefined, Object.keys(command).length === 0, line);
      return [Object.keys(command)[0] ?? "pong", command];
    });
    const kind = ([name, { subscribe }]) => (subscribe?.recover ? "recover" : name);
    return { address: dialled.at(-1), commands: Object.fromEntries(commands.map((command) => [kind(command), command[1]])) };
  }

  const isWhole = ({ commands }) => "recover refresh pong unsubscribe".split(" ").every((kind) => commands[kind] !== undefined);

  test("centrifuge-js", async () => {
    const url = `${here.server.url.replace("http", "ws")}/connection/websocket`;
    const client = new Centrifuge(url, {
      websocket: WebSocket,
      name: "everfresh",
      data: { app: "planner" },
      token: "ann",
      getToken: async () => "ann",
      minReconnectDelay: 50,
      maxReconnectDelay: 100,
    });
    const heard = [];
    const subscription = client.newSubscription(channel, { positioned: true, recoverable: true, joinLeave: true });
    subscription.on("publication", ({ data, offset }) => heard.push([data.data.title, offset]));
    subscription.subscribe();
    client.connect();
    await subscription.ready(5000);
    await here.server.addTask("One");
    await eventually("it is heard", async () => heard, ({ length }) => length === 1);
    const recovered = deferred();
    subscription.on("subscribed", recovered.resolve);
    await here.server.does("disconnect", { code: 3000 });
    await here.server.addTask("Two");
    const { wasRecovering, recovered: whole } = await recovered.promise;
    assert.deepEqual([wasRecovering, whole], [true, true]);
    await eventually("what was missed is heard", async () => heard, ({ length }) => length === 2);
    assert.deepEqual(heard, [["One", 1], ["Two", 2]]);
    await eventually("it renews", took, ({ commands }) => commands.refresh !== undefined && commands.pong !== undefined);
    subscription.unsubscribe();
    const theirs = await eventually("it has said all", took, isWhole);
    client.disconnect();

    // A server that has heard nobody else.
    await here.server.kill();
    await here.server.restart();
    const told = { ...backend, connect: { app: "planner" }, presence: true };
    const tab = await visit(here, told, { token: "ann", idle: 0 });
    await tab.untilStatus("connected");
    await tab.run("rig.leave = rig.live.channel(arguments[0])", channel);
    await eventually("it is subscribed", () => tab.snapshot(), isSubscribed);
    await here.server.addTask("One");
    await eventually("it is heard", () => heardOf(tab, "task_created"), ({ length }) => length === 1);
    await here.server.does("disconnect", { code: 3000 });
    await here.server.addTask("Two");
    await eventually("what was missed is heard", () => heardOf(tab, "task_created"), ({ length }) => length === 2);
    await eventually("it renews", took, ({ commands }) => commands.refresh !== undefined && commands.pong !== undefined);
    await tab.run("rig.leave()");
    const ours = await eventually("it has said all", took, isWhole);
    // A server that starts anew has another epoch.
    for (const { commands } of [ours, theirs]) commands.recover.subscribe.epoch = "E";
    assert.deepEqual(ours, theirs);
  });
});
