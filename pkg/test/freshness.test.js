// G1 and G2 in the real query-core on the real engine, for schedules that nobody thought of: components come and go,
// routers load ahead, fetches are slow, fail and are cancelled, the link is lost, the app writes and invalidates by
// itself. A seed is a world; a failing one is named.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { clock, closeAll, seeded, server } from "./support/page.js";
import { world } from "./support/queries.js";

const SEEDS = Number(process.env.SEEDS ?? 60);
const FIRST = Number(process.env.FIRST ?? 1);
const KEYS = [["tasks"], ["tasks", 1], ["tasks", { done: true, by: "me" }], ["counts"], ["counts", 7]];

let w;
afterEach(() => {
  w?.end();
  w = undefined;
  closeAll();
});

/** What happened in a world, for whoever has to find out why it failed. */
class Story {
  lines = [];
  tell(text) {
    this.lines.push(`${clock.now % 1e7} ${text}`);
  }
}

test("no schedule loses freshness, starves or multiplies requests", async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const random = seeded(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const slow = 5 + random() * 300;
    w = await world({ fetchMs: () => 2 + random() * slow });
    const story = new Story();
    const fails = random() < 0.4 ? random() * 0.4 : 0;
    w.backend.fail = () => (random() < fails ? Object.assign(new Error("503"), random() < 0.2 ? { headers: new Headers({ "retry-after": "2" }) } : {}) : undefined);
    const views = [];
    /** Whatever may bring about a fetch, in numbers: nothing may bring about more than that. */
    let reasons = 0;
    for (let step = 0; step < 120; step += 1) {
      const dice = random();
      const key = pick(KEYS);
      const name = JSON.stringify(key);
      if (dice < 0.4) {
        const burst = random() < 0.1 ? 30 : 1;
        for (let n = 0; n < burst; n += 1) w.change(key[0], key[0] === "tasks" ? "changed" : "counted");
        reasons += burst * KEYS.length;
        story.tell(`${burst} of ${key[0]}: ${w.backend.values[key[0]]}`);
      } else if (dice < 0.55) {
        views.push({ key, view: w.show(key) });
        reasons += 1;
        story.tell(`show ${name}`);
      } else if (dice < 0.65 && views.length > 0) {
        const [gone] = views.splice(Math.floor(random() * views.length), 1);
        gone.view.hide();
        story.tell(`hide ${JSON.stringify(gone.key)}`);
      } else if (dice < 0.72) {
        void w.client.prefetchQuery({ queryKey: key, queryFn: w.queryFn, staleTime: random() < 0.5 ? 0 : Infinity });
        reasons += 1;
        story.tell(`prefetch ${name}`);
      } else if (dice < 0.77) {
        void w.client.cancelQueries({ queryKey: key });
        reasons += KEYS.length;
        story.tell(`cancel ${name}`);
      } else if (dice < 0.82) {
        void w.client.invalidateQueries({ queryKey: key });
        reasons += KEYS.length;
        story.tell(`invalidate ${name}`);
      } else if (dice < 0.85) {
        w.client.removeQueries({ queryKey: key, type: "inactive" });
        reasons += KEYS.length;
        story.tell(`remove ${name}`);
      } else if (dice < 0.88) {
        const state = w.client.getQueryState(key);
        // An app writes what it knows to be there: the value of some moment up to now.
        if (state?.data !== undefined) w.client.setQueryData(key, (data) => data);
        story.tell(`write ${name}`);
      } else if (dice < 0.93) {
        server.cut();
        reasons += KEYS.length;
        story.tell("cut");
      } else if (dice < 0.95) {
        server.up = !server.up;
        if (!server.up) server.cut();
        reasons += KEYS.length;
        story.tell(`server ${server.up ? "up" : "down"}`);
      }
      await clock.advance(Math.floor(random() ** 3 * 400));
    }
    // The last fault is over. From here everything has to become fresh by itself.
    story.tell("the end");
    server.up = true;
    w.backend.fail = undefined;
    await clock.advance(180_000);
    const why = (what) => `seed ${seed}: ${what}\n${story.lines.join("\n")}`;
    assert.equal(w.live.getSnapshot().status, "connected", why(w.live.getSnapshot().reason));
    for (const { view } of views) {
      // A first load that failed has nothing to become stale. Whoever looks sees the error, and asks again.
      if (view.observer.getCurrentResult().status === "error" && view.observer.getCurrentResult().data === undefined) void view.observer.refetch();
    }
    await clock.advance(1000);
    for (const { key, view } of views) {
      assert.equal(view.observer.getCurrentResult().data, w.backend.values[key[0]], why(`${JSON.stringify(key)} is shown old`));
    }
    for (const query of w.client.getQueryCache().getAll()) {
      const { data, isInvalidated } = query.state;
      if (data === undefined || isInvalidated) continue;
      assert.equal(data, w.backend.values[query.queryKey[0]], why(`${query.queryHash} passes for fresh`));
    }
    const failures = fails === 0 ? 0 : w.backend.requests.length * fails * 2 + 20;
    assert.ok(w.backend.requests.length <= reasons + failures, why(`${w.backend.requests.length} requests for ${reasons} reasons`));
    w.end();
    closeAll();
  }
  w = undefined;
});

test("no stream starves anybody, however slow the fetch and fast the stream", async () => {
  for (let seed = 1; seed <= 15; seed += 1) {
    const random = seeded(seed);
    const fetchMs = 10 + random() * 500;
    const every = 5 + random() * 150;
    w = await world({ fetchMs });
    const view = w.show(["tasks"]);
    w.show(["tasks", 1]);
    await clock.advance(2000);
    const [began, requests] = [clock.now, w.backend.requests.length];
    const changes = [];
    while (clock.now - began < 4000) {
      w.change();
      changes.push(clock.now);
      await clock.advance(every);
    }
    const ended = clock.now;
    await clock.advance(5000);
    const about = `seed ${seed}: fetch ${fetchMs}, every ${every}`;
    assert.equal(view.observer.getCurrentResult().data, w.backend.values.tasks, about);
    // Whatever happened is on the screen within the fetch that ran, one of its own, a window and the way.
    const bound = 2 * fetchMs + 100 + 50;
    for (const [at, when] of changes.entries()) {
      const shown = view.seen.find(({ data }) => data >= at + 1);
      assert.ok(shown.at - when <= bound, `${about}: change ${at} after ${shown.at - when} ms`);
    }
    const most = 2 * ((ended - began + 5000) / Math.max(100, fetchMs) + 2);
    assert.ok(w.backend.requests.length - requests <= most, `${about}: ${w.backend.requests.length - requests} requests`);
    w.end();
    closeAll();
  }
  w = undefined;
});
