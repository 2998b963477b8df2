// The hooks with the real react-dom, of both versions that are supported, on the real engine in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, closeAll, connect, server } from "./support/page.js";
import { load } from "./support/reacts.js";

for (const version of [19, 18]) {
  const { React, hooks, errors, act, h, renderToString, show, end } = await load(version);
  const { StrictMode, Suspense } = React;
  const named = (name, run) => test(`React ${version}: ${name}`, async () => {
    try {
      assert.ok(React.version.startsWith(`${version}.`));
      await run();
    } finally {
      await end();
      closeAll();
    }
  });
  const pass = (span) => act(async () => clock.advance(span));
  const within = (live, ...children) => h(hooks.EverfreshProvider, { live }, ...children);
  /** A component that shows what `use` gives, and keeps it. */
  const looker = (use) => {
    const seen = { now: undefined, all: [] };
    seen.Component = function Looker() {
      seen.now = use();
      if (seen.all.at(-1) !== seen.now) seen.all.push(seen.now);
      return null;
    };
    return seen;
  };

  named("cl2 two panes show one state in every commit, also while a transition is under way", async () => {
    const live = await connect({ channels: ["tasks"] });
    const commits = [];
    let move;
    let page;
    const Pane = React.memo(function Pane({ slow }) {
      const { status } = hooks.useConnection();
      const { events } = hooks.useMetrics();
      // Runs when all of a commit is in the document.
      React.useLayoutEffect(() => void (page && commits.push([...page.container.querySelectorAll("p")].map((p) => p.textContent))));
      return h("p", { "data-slow": slow }, `${status} ${events}`);
    });
    function App() {
      const [slow, setSlow] = React.useState(0);
      move = () => React.startTransition(() => setSlow((n) => n + 1));
      return h("div", null, h(Pane, { slow }), h(Pane, { slow: -slow }));
    }
    page = await show(within(live, h(App)));
    for (let turn = 0; turn < 10; turn += 1) {
      await act(async () => {
        move();
        server.publish("tasks", "changed", { turn });
        await clock.advance(1100);
        move();
      });
    }
    server.cut();
    await pass(100);
    for (const [left, right] of commits) assert.equal(left, right);
    assert.ok(new Set(commits.map(([left]) => left)).size > 5, "there was something to see");
    assert.match(page.text(), /connected|connecting/);
  });

  named("an event reaches both panes in one task, and they are painted together", async () => {
    const live = await connect({ channels: ["tasks"] });
    const tasks = [];
    function Pane({ name }) {
      const [value, setValue] = React.useState(0);
      hooks.useEvent("changed", ({ turn }) => setValue(turn));
      React.useLayoutEffect(() => void tasks.push(`${name} ${value}`), [value]);
      return h("p", null, String(value));
    }
    const page = await show(within(live, h(Pane, { name: "a" }), h(Pane, { name: "b" })));
    await pass(10);
    server.publish("tasks", "changed", { turn: 7 });
    await pass(50);
    assert.deepEqual(tasks, ["a 0", "b 0", "a 7", "b 7"]);
    assert.equal(page.text(), "77");
  });

  named("StrictMode subscribes once, hears once, and leaves nothing behind", async () => {
    const live = await connect();
    const heard = [];
    const subs = [];
    const real = server.heard;
    server.heard = function (socket, message) {
      if (/sub/.test(message.t)) subs.push(message.t);
      return real.call(this, socket, message);
    };
    function Page() {
      const channel = hooks.useChannel("board");
      hooks.useEvent("changed", (data) => heard.push(data.n));
      return h("p", null, channel?.state ?? "none");
    }
    const page = await show(h(StrictMode, null, within(live, h(Page))));
    await pass(100);
    assert.equal(page.text(), "subscribed");
    server.publish("board", "changed", { n: 1 });
    await pass(50);
    assert.deepEqual([subs, heard], [["sub"], [1]]);
    await page.hide();
    server.publish("board", "changed", { n: 2 });
    // A channel that nobody wants is kept for a while.
    await pass(400_000);
    server.heard = real;
    assert.deepEqual([subs, heard], [["sub", "unsub"], [1]]);
  });

  named("a component that suspends wants nothing until it is shown", async () => {
    const live = await connect();
    let ready = false;
    let wake;
    const waiting = new Promise((resolve) => (wake = resolve));
    function Page() {
      const channel = hooks.useChannel("late");
      hooks.useFreshness("tasks");
      hooks.useLiveMutation("nothing");
      if (!ready) throw waiting;
      return h("p", null, channel?.state ?? "none");
    }
    const page = await show(within(live, h(Suspense, { fallback: "…" }, h(Page))));
    await pass(100);
    assert.equal(page.text(), "…");
    assert.equal(live.getSnapshot().channels.length, 0);
    ready = true;
    await act(async () => wake());
    await pass(100);
    assert.equal(page.text(), "subscribed");
  });

  named("what a server rendered is hydrated without a mismatch, and then comes alive", async () => {
    const live = await connect({ rooms: true, contracts: { tasks: { key: "tasks", poll: "auto" } } });
    function Page() {
      const { status } = hooks.useConnection();
      const [leads, { tabs }] = [hooks.useLeader(), hooks.useTabState()];
      const { count, items } = hooks.useQueue("dead");
      const { state } = hooks.useLiveMutation("rename");
      const people = hooks.usePresence("form:hydrated", { page: 1 });
      const lock = hooks.useFieldLock("form:hydrated", "title");
      const { typing } = hooks.useTyping("form:hydrated");
      const rest = [hooks.useSmartPolling("tasks"), hooks.useFreshness("tasks")?.state, hooks.useContract("tasks").status?.state];
      const { items: conflicts } = hooks.useConflicts();
      return h("p", null, [status, leads, tabs, count, items.length, state, people.length, lock.state, typing.length, ...rest, conflicts.length].join(" "));
    }
    const tree = within(live, h(Page));
    const html = renderToString(tree);
    assert.equal(html, "<p>idle false 1 0 0 idle 0 free 0 false   0</p>");
    const page = await show(tree, html);
    await pass(1000);
    assert.deepEqual(errors, []);
    assert.match(page.text(), /^connected true 1 0 0 idle 1 free 0 \d+ \w+ \w+ 0$/);
  });

  named("rt10 the interval of a query follows the health of the connection", async () => {
    const live = await connect({
      channels: ["tasks"],
      contracts: { tasks: { key: "tasks", poll: "auto" }, open: { key: ["tasks", "open"], maxAge: 60_000 } },
    });
    const polling = looker(() => hooks.useSmartPolling(["tasks", "all"]));
    const page = await show(within(live, h(polling.Component)));
    server.publish("tasks", "changed");
    await pass(100);
    const calm = polling.now;
    server.up = false;
    server.cut();
    // Pages that lose a server together begin within five seconds, not at one moment.
    await pass(5500);
    assert.ok(calm === 30_000 && polling.now === 5000, `${calm}, then ${polling.now}`);
    await page.hide();
    const open = looker(() => hooks.useFreshness(["tasks", "open", 1]));
    const none = looker(() => hooks.useFreshness("others"));
    await show(within(live, h(open.Component), h(none.Component)));
    assert.deepEqual([open.now?.contract, none.now], ["open", undefined]);
    const { error } = console;
    console.error = () => {};
    try {
      const lost = looker(() => hooks.useSmartPolling("others"));
      await assert.rejects(show(within(live, h(lost.Component))), { code: "option-missing", message: /contracts: \{ mine: \{ key: \["others"\]/ });
    } finally {
      console.error = error;
    }
  });

  named("a contract is kept while its component is mounted, and can be turned off", async () => {
    const live = await connect({ contracts: { planner: { key: "planner", maxAge: 30_000 } } });
    const planner = looker(() => hooks.useContract("planner"));
    const page = await show(within(live, h(planner.Component)));
    await pass(100);
    assert.notEqual(planner.now.status.state, "unwatched");
    await act(async () => planner.now.disable());
    await pass(100);
    assert.equal(planner.now.status.state, "disabled");
    await act(async () => planner.now.enable());
    await pass(100);
    assert.notEqual(planner.now.status.state, "disabled");
    await page.hide();
    await pass(100);
    assert.equal(live.getSnapshot().freshness[0].state, "unwatched");
  });

  named("pp11 a mutation moves, and is saved; or fails, and says by what", async () => {
    let answer;
    const live = await connect({
      mutations: { move: { run: (vars) => new Promise((resolve, reject) => (answer = { vars, resolve, reject })), conflict: "ask" } },
    });
    const move = looker(() => hooks.useLiveMutation("move"));
    await show(h(StrictMode, null, within(live, h(move.Component))));
    const { mutate } = move.now;
    assert.equal(move.now.state, "idle");
    await act(async () => void mutate({ to: 1 }));
    assert.deepEqual([move.now.state, move.now.vars, move.now.mutate], ["moving", { to: 1 }, mutate]);
    await pass(100);
    assert.equal(move.now.accepted.durable, true);
    await act(async () => answer.resolve({ version: 2 }));
    await pass(100);
    assert.deepEqual([move.now.state, move.now.result], ["saved", { version: 2 }]);
    await act(async () => void mutate({ to: 2 }));
    await pass(100);
    await act(async () => answer.reject({ status: 422, body: { why: "taken" } }));
    await pass(100);
    assert.deepEqual([move.now.state, move.now.error.code, move.now.error.status], ["failed", "mutation-rejected", 422]);
    await act(async () => move.now.reset());
    assert.equal(move.now.state, "idle");
    assert.equal(move.now.error, undefined);
    // Only the last one is shown.
    await act(async () => void mutate({ to: 3 }));
    await pass(100);
    const first = answer;
    await act(async () => void mutate({ to: 4 }, { lane: "other" }));
    await pass(100);
    await act(async () => first.resolve(3));
    await pass(100);
    assert.deepEqual([move.now.state, move.now.vars], ["moving", { to: 4 }]);
    await act(async () => answer.resolve(4));
    await pass(100);
    assert.deepEqual([move.now.state, move.now.result], ["saved", 4]);
    assert.deepEqual(live.faults, []);
  });

  named("the queue, its dead letters and its conflicts are shown, and settled by hand", async () => {
    const runs = [];
    const live = await connect({
      mutations: {
        move: {
          run: async (vars, { theirs }) => {
            runs.push(vars.to);
            if (vars.to === 1 && theirs === undefined) throw { status: 409, body: { to: 9 } };
            if (vars.to === 2) throw { status: 400 };
            return vars.to;
          },
          lane: ({ to }) => String(to),
          conflict: "ask",
        },
      },
    });
    const dead = looker(() => hooks.useQueue("dead"));
    const plain = looker(() => hooks.useQueue());
    const conflicts = [looker(() => hooks.useConflicts()), looker(() => hooks.useConflicts())];
    const move = looker(() => hooks.useLiveMutation("move"));
    const page = await show(within(live, ...[dead, plain, ...conflicts, move].map(({ Component }, key) => h(Component, { key }))));
    await act(async () => void move.now.mutate({ to: 2 }));
    await act(async () => void move.now.mutate({ to: 1 }));
    await pass(500);
    assert.equal(move.now.state, "conflict");
    assert.deepEqual([dead.now.dead, dead.now.items.map(({ vars }) => vars.to), dead.now.more], [1, [2], false]);
    assert.deepEqual([plain.now.dead, plain.now.items], [1, []]);
    assert.deepEqual(conflicts[0].now.items.map(({ vars, body }) => [vars.to, body]), [[1, { to: 9 }]]);
    assert.equal(conflicts[0].now.items, conflicts[1].now.items, "one list for both");
    await act(async () => conflicts[0].now.resolve(conflicts[0].now.items[0].id, "client"));
    await pass(500);
    assert.deepEqual([conflicts[0].now.items, move.now.state, move.now.error], [[], "saved", undefined]);
    await act(async () => dead.now.discard(dead.now.items[0].id));
    await pass(500);
    assert.deepEqual([dead.now.dead, dead.now.items], [0, []]);
    // What failed and was discarded elsewhere, or done there after all, is shown as it is.
    for (const [settle, ...seen] of [
      [(id) => live.queue.discard(id), "idle", undefined],
      [(id) => live.queue.edit(id, { to: 5 }), "saved", 5],
    ]) {
      await act(async () => void move.now.mutate({ to: 2 }));
      await pass(500);
      assert.deepEqual([move.now.state, move.now.error.status], ["failed", 400]);
      await act(async () => settle(dead.now.items[0].id));
      await pass(500);
      assert.deepEqual([move.now.state, move.now.result, move.now.error], [...seen, undefined]);
    }
    await act(async () => void move.now.mutate({ to: 2 }));
    await pass(500);
    const { error } = move.now;
    await act(async () => live.queue.retry(dead.now.items[0].id));
    await pass(500);
    assert.equal(move.now.state, "failed");
    assert.notEqual(move.now.error, error, "it failed once more");
    await act(async () => live.queue.discard(dead.now.items[0].id));
    await pass(500);
    // Another user's is never shown.
    await act(async () => void move.now.mutate({ to: 2 }));
    await pass(500);
    assert.equal(dead.now.items.length, 1);
    await act(async () => live.setUser("u2"));
    assert.equal(dead.now.items.length, 0);
    await pass(500);
    assert.equal(dead.now.items.length, 0);
    await page.hide();
  });

  named("ws7 ws8 ws11 who is there, who types, who has a field", async () => {
    const live = await connect({ rooms: true });
    const channel = `form:${version}`;
    server.somebody(channel, "c1", { user: "jane", data: { tabs: { t: { active: true, typing: "note", typed: 1, meta: { page: 2 } } } } });
    const people = looker(() => hooks.usePresence(channel, { page: 1 }));
    const typing = looker(() => hooks.useTyping(channel, "note"));
    const lock = looker(() => hooks.useFieldLock(channel, "title"));
    const page = await show(h(StrictMode, null, within(live, h(people.Component), h(typing.Component), h(lock.Component))));
    await pass(500);
    assert.deepEqual(people.now.map(({ user, self }) => [user, self]).sort(), [["jane", false], ["me", true]]);
    assert.deepEqual(typing.now.typing.map(({ user }) => user), ["jane"]);
    await act(async () => typing.now.type("note"));
    await act(async () => lock.now.input.onFocus());
    await pass(500);
    assert.equal(people.now.find(({ self }) => self).tabs[0].typing, "note");
    assert.deepEqual([lock.now.state, lock.now.readOnly], ["held", false]);
    assert.match(lock.now.headers()["everfresh-fence"], /^\d+;/);
    // Another window in front takes the focus from the window, and not from the field in it.
    const root = {};
    const field = { getRootNode: () => root };
    root.activeElement = field;
    await act(async () => lock.now.input.onBlur({ currentTarget: field }));
    await pass(500);
    assert.equal(lock.now.state, "held");
    root.activeElement = {};
    await act(async () => lock.now.input.onBlur({ currentTarget: field }));
    await pass(500);
    assert.deepEqual([lock.now.state, server.locks.size], ["free", 0]);
    await act(async () => lock.now.input.onFocus());
    await pass(500);
    assert.equal(lock.now.state, "held");
    await page.hide();
    await pass(500);
    assert.equal(server.locks.size, 0);
    const nobody = looker(() => hooks.usePresence(null));
    await show(within(live, h(nobody.Component)));
    assert.deepEqual(nobody.now, []);
    server.holds(channel, "title", { client: "c1", user: "jane" });
    await show(within(live, h(lock.Component)));
    await act(async () => lock.now.take());
    await pass(500);
    assert.deepEqual([lock.now.readOnly, lock.now.input.readOnly, lock.now.holder.user], [true, true, "jane"]);
    server.holds(channel, "title", null);
    await pass(500);
  });

  named("another instance in the provider is another state", async () => {
    const one = await connect({ channels: ["a"] });
    const other = await connect();
    const status = looker(() => hooks.useConnection());
    const page = await show(within(one, h(status.Component)));
    const first = status.now;
    await page.render(within(other, h(status.Component)));
    assert.notEqual(status.now, first);
    const { length } = status.all;
    await act(async () => one.close());
    await pass(100);
    assert.deepEqual([status.now.status, status.all.length], ["connected", length], "of an instance that is not shown nothing is heard");
    await act(async () => other.close());
    assert.equal(status.now.status, "closed");
  });
}
