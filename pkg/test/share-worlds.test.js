// What sharing between tabs must never do, in schedules that nobody thought of: several tabs that come, go and crash,
// with slow, hanging and failing fetches, while events come, components come and go, and persons change. A seed is a
// world; a failing one is named. `SEEDS=1000 FIRST=1 node --test` tries others.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { generator } from "./support/chance.js";
import { browser } from "./support/tabs.js";

const SEEDS = Number(process.env.SEEDS ?? 40);
const FIRST = Number(process.env.FIRST ?? 1);
const KEYS = [["tasks"], ["tasks", 1], ["counts"]];

let b;
afterEach(() => b?.end());

/** Watches a tab: what it shows is of its user, and never older than what it showed. */
function watch(tab, number, wrong) {
  const newest = new Map();
  tab.client.getQueryCache().subscribe(({ query, type, action }) => {
    const { data } = query.state;
    if (type === "removed" || data === undefined) return newest.delete(query);
    if (type !== "updated" || action.type !== "success") return;
    if (data.user !== tab.live.user) wrong.push(`tab ${number} of ${tab.live.user} got ${JSON.stringify(data)}`);
    if (data.value < (newest.get(query) ?? 0)) wrong.push(`tab ${number} got ${data.value} of ${query.queryHash} after ${newest.get(query)}`);
    newest.set(query, data.value);
  });
}

/** When all has come to rest, what is shown is what the server has. */
function fresh({ tabs, backend }, user, wrong, why) {
  assert.deepEqual(wrong, [], why("wrong data"));
  for (const [number, tab] of tabs.entries()) {
    for (const { queryKey, observer } of tab.shown) {
      const { data } = observer.getCurrentResult();
      const value = backend.values[queryKey[0]];
      if (data !== undefined) assert.deepEqual(data, { user, value }, why(`tab ${number} shows ${JSON.stringify(queryKey)}`));
    }
    for (const { queryKey, state } of tab.client.getQueryCache().getAll()) {
      if (state.data === undefined || state.isInvalidated) continue;
      assert.equal(state.data.value, backend.values[queryKey[0]], why(`${JSON.stringify(queryKey)} of tab ${number} passes for fresh`));
    }
  }
}

test("no schedule loses freshness, shows what is another person's or older, or multiplies requests", async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const random = generator(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    b = await browser(2 + Math.floor(random() * 3), { share: { waitMs: 1500 }, seed });
    const { backend, tabs, clock, world } = b;
    const [slow, fails, hangs] = [5 + random() * 300, random() < 0.4 ? random() * 0.4 : 0, random() < 0.3 ? 0.05 : 0];
    backend.fetchMs = () => (random() < hangs ? 4000 : 2 + random() * slow);
    backend.fail = () => (random() < fails ? new Error("503") : undefined);
    const [story, wrong] = [[], []];
    const why = (what) => `seed ${seed}: ${what}\n${story.join("\n")}`;
    const tell = (text) => story.push(`${Date.now() % 1e7} ${text}`);
    for (const [number, tab] of tabs.entries()) watch(tab, number, wrong);
    /** Whatever may bring about a fetch, in one tab. */
    let reasons = 0;
    let user = "a";
    for (let step = 0; step < 80; step += 1) {
      const [dice, tab, key] = [random(), pick(tabs), pick(KEYS)];
      const about = `tab ${tabs.indexOf(tab)} ${JSON.stringify(key)}`;
      if (dice < 0.35) {
        b.change(key[0], key[0] === "tasks" ? "changed" : "counted");
        reasons += tabs.length * KEYS.length;
        tell(`${key[0]}: ${backend.values[key[0]]}`);
      } else if (dice < 0.55) {
        tab.show(key);
        reasons += 1;
        tell(`${about} is shown`);
      } else if (dice < 0.62 && tab.shown.size > 0) {
        pick([...tab.shown]).hide();
        tell(`${about} is left`);
      } else if (dice < 0.69) {
        void tab.client.prefetchQuery({ queryKey: key, queryFn: tab.queryFn });
        reasons += 1;
        tell(`${about} is prefetched`);
      } else if (dice < 0.75) {
        void tab.client.cancelQueries({ queryKey: key });
        reasons += KEYS.length;
        tell(`${about} is cancelled`);
      } else if (dice < 0.81) {
        // Cancels a fetch that runs, and begins another.
        void tab.client.refetchQueries({ queryKey: key });
        reasons += KEYS.length;
        tell(`${about} is refetched`);
      } else if (dice < 0.84) {
        await world.play([[0, document.hidden ? "show" : "hide"]]);
        tell(document.hidden ? "hidden" : "seen");
      } else if (dice < 0.87) {
        world.server.cut();
        reasons += tabs.length * KEYS.length;
        tell("cut");
      } else if (dice < 0.89 && tabs.length > 1) {
        tabs.splice(tabs.indexOf(tab), 1);
        tell(`${about} crashes`);
        world.crash(tab.live);
        tab.leave();
      } else if (dice < 0.91) {
        user = user === "a" ? "b" : "a";
        tell(`${user} logs in, at first in ${about}`);
        for (const one of [tab, ...tabs.filter((other) => other !== tab)]) {
          one.live.setUser(user);
          reasons += KEYS.length;
          await clock.advance(Math.floor(random() * 40));
        }
      } else if (dice < 0.96) {
        tell("rest");
        await clock.advance(60_000);
        fresh(b, user, wrong, why);
      }
      await clock.advance(Math.floor(random() ** 3 * 400));
    }
    tell("the end");
    backend.fail = () => undefined;
    backend.fetchMs = () => 20;
    await world.play([[0, "show"]]);
    await clock.advance(180_000);
    // A first load that failed has nothing to become stale. Whoever looks sees the error, and asks again.
    for (const tab of tabs) for (const { observer } of tab.shown) if (observer.getCurrentResult().data === undefined) void observer.refetch();
    await clock.advance(1000);
    for (const tab of tabs) for (const { observer } of tab.shown) assert.ok(observer.getCurrentResult().data, why("nothing is shown"));
    fresh(b, user, wrong, why);
    const failures = fails === 0 ? 0 : backend.requests.length * fails * 2 + 20;
    assert.ok(backend.requests.length <= reasons + failures, why(`${backend.requests.length} requests for ${reasons} reasons`));
    await b.end();
    b = undefined;
  }
});

test("no stream starves any tab, and it costs the requests of one", async (t) => {
  for (let seed = FIRST; seed < FIRST + 10; seed += 1) {
    const random = generator(seed);
    const [fetchMs, every] = [10 + random() * 500, 5 + random() * 150];
    const costs = [];
    for (const count of [1, 3]) {
      b = await browser(count, { seed });
      const { backend, tabs, clock } = b;
      backend.fetchMs = () => fetchMs;
      const seen = tabs.map(() => []);
      for (const [number, tab] of tabs.entries()) {
        const { observer } = tab.show();
        observer.subscribe(({ data }) => data && seen[number].push({ at: Date.now(), value: data.value }));
      }
      await clock.advance(3000);
      backend.requests.length = 0;
      const [began, changes] = [Date.now(), []];
      while (Date.now() - began < 4000) {
        b.change();
        changes.push(Date.now());
        await clock.advance(every);
      }
      await clock.advance(5000);
      costs.push(backend.requests.length);
      const about = `seed ${seed}: ${count} tabs, fetch ${fetchMs}, every ${every}`;
      // One fetch more than in a tab that is alone: it may have to wait for another one's.
      const bound = 3 * fetchMs + 100 + 50 + 50;
      for (const [at, when] of changes.entries()) {
        for (const of of seen) {
          const shown = of.find(({ value }) => value >= at + 1);
          assert.ok(shown && shown.at - when <= bound, `${about}: change ${at} after ${shown?.at - when} ms`);
        }
      }
      await b.end();
      b = undefined;
    }
    t.diagnostic(`fetch ${Math.round(fetchMs)} ms, an event every ${Math.round(every)} ms: ${costs[0]} requests of one tab, ${costs[1]} of three`);
    assert.ok(costs[1] <= costs[0] + 5, `seed ${seed}: ${costs}`);
  }
});
