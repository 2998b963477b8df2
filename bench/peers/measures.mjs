// What is measured. Each takes a contestant from a fresh browser to figures, and leaves nothing behind.

import { crowd } from "./crowd.mjs";
import { QUEUES } from "./queues.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(holds, patienceMs, everyMs = 20) {
  for (const began = Date.now(); !(await holds()); await sleep(everyMs)) {
    if (Date.now() - began > patienceMs) return false;
  }
  return true;
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const round = (value, digits = 2) => (value === undefined ? undefined : Number(value.toFixed(digits)));

/** How long a page is looked at that does nothing. */
const IDLE_MS = 500;
/** How long what was begun may go on. */
const REST_MS = 500;

/** Seconds of the page's main thread while something happens. */
async function busyFor(page, happens) {
  const before = await page.busy();
  await happens();
  return (await page.busy()) - before;
}

/** How many live queries, and how large an event is. */
const LOADS = [[0, 300], [10, 300], [200, 300], [10, 1000]];

/** Main-thread time an event: ten events every ten milliseconds, in one page for all loads. */
const cpu = {
  id: "cpu",
  parts: LOADS.map(([queries, bytes]) => ({
    id: `cpu-${queries}-${bytes}`,
    title: `${queries} live queries, events of ${bytes} bytes`,
    figures: { us_per_event: "us", refetches_of_1000: "", longest_ms: "ms", heard: "" },
    load: { queries, bytes },
  })),
  async run({ chromium, backend, contestant, quick, parts }) {
    const count = quick ? 300 : 1000;
    const page = await chromium.open(backend.url, contestant);
    await page.call("open", {});
    const samples = {};
    for (const { id, load } of parts) {
      const { queries, bytes } = load;
      await page.call("turn", { queries, families: Math.max(1, queries) });
      // Nobody asks the page anything meanwhile: that would be its work too.
      const idle = (await busyFor(page, () => sleep(IDLE_MS))) * ((count + REST_MS) / IDLE_MS);
      const busy = await busyFor(page, async () => {
        const began = performance.now();
        await backend.publish({ count, families: Math.max(1, Math.min(queries, 10)), burst: 10, everyMs: 10, bytes });
        await sleep(Math.max(0, count + REST_MS - (performance.now() - began)));
      });
      const { refetches, longest, heard } = await page.call("found");
      samples[id] = { us_per_event: round(((busy - idle) * 1e6) / count, 1), refetches_of_1000: round((refetches * 1000) / count, 0), longest_ms: round(longest, 0), heard: heard / count };
    }
    return samples;
  },
};

const paced = {
  id: "latency",
  title: "one event of 1 KB every 20 ms: from the server's write to the callback",
  figures: { p50_ms: "ms", p99_ms: "ms" },
  async run({ chromium, backend, contestant, quick }) {
    const count = quick ? 50 : 200;
    const page = await chromium.open(backend.url, contestant);
    await page.call("open", {});
    await backend.publish({ count, burst: 1, everyMs: 20, bytes: 1000 });
    await sleep(500);
    const sorted = (await page.call("latencies")).sort((a, b) => a - b);
    return { p50_ms: round(at(sorted, 0.5)), p99_ms: round(at(sorted, 0.99)) };
  },
};

const storm = {
  id: "storm",
  title: "10,000 events at once over 50 families, 50 live queries that fetch over HTTP",
  figures: { requests: "", quiet_ms: "ms", busy_ms: "ms", stall_ms: "ms", right: "" },
  async run({ chromium, backend, contestant, quick }) {
    const [count, families] = [quick ? 1000 : 10_000, 50];
    const page = await chromium.open(backend.url, contestant);
    await page.call("open", { queries: families, fetches: "over HTTP" });
    const versions = backend.versions();
    for (let n = 0; n < families; n += 1) versions[`family${n}`] = (versions[`family${n}`] ?? 0) + count / families;
    backend.count();
    const before = await page.busy();
    await page.call("await", versions);
    await backend.publish({ count, families });
    // The page itself notes when it is quiet: to be asked would be work too.
    await until(async () => (await page.call("quiet")) !== null, 120_000, 500);
    const busy = (await page.busy()) - before;
    const quiet = await page.call("quiet");
    const { longest } = await page.call("found");
    const { requests } = backend.count();
    return { requests, quiet_ms: round(quiet ?? undefined, 0), busy_ms: round(busy * 1000, 0), stall_ms: round(longest, 0), right: quiet === null ? 0 : 1 };
  },
};

const tabs = {
  id: "tabs",
  title: "ten tabs of one browser, an event of 300 bytes every 50 ms; then one every 20 ms while the first tab is closed",
  also: "tabs",
  // Each has ten pages and fifty events, in eleven contestants.
  rounds: 1,
  figures: { sockets: "", requests: "", all_p50_ms: "ms", all_p99_ms: "ms", heap_mb: "MB", handover_ms: "ms", missed: "" },
  async run({ chromium, backend, contestant, quick }) {
    const [many, count] = [quick ? 4 : 10, quick ? 20 : 50];
    const pages = [];
    for (let n = 0; n < many; n += 1) {
      const page = await chromium.open(backend.url, contestant);
      await page.call("open", { queries: 1, fetches: "over HTTP", rests: n === many - 1 });
      pages.push(page);
    }
    const sockets = backend.sockets;
    for (const page of pages) await page.call("reset");
    backend.count();
    await backend.publish({ count, burst: 1, everyMs: 50 });
    await sleep(500);
    const { requests } = backend.count();
    const founds = [];
    for (const page of pages) founds.push(await page.call("latencies"));
    const all = Array.from({ length: count }, (_, n) => Math.max(...founds.map((latencies) => latencies[n] ?? Infinity))).sort((a, b) => a - b);
    const heaps = [];
    for (const page of pages) heaps.push((await page.heap()) / 2 ** 20);
    return { sockets, requests, all_p50_ms: round(at(all, 0.5)), all_p99_ms: round(at(all, 0.99)), heap_mb: round(at(heaps.sort((a, b) => a - b), 0.5)), ...(await handover(backend, pages)) };
  },
};

/** The tab that has the connection, if one has it for all, is closed while events come: the longest that another one heard nothing,
 * and how many events one of them never heard of. */
async function handover(backend, [first, ...others]) {
  const count = 75;
  for (const page of others) await page.call("reset");
  const events = backend.publish({ count, burst: 1, everyMs: 20 });
  await sleep(300);
  await first.close();
  await events;
  await sleep(500);
  const founds = [];
  for (const page of others) founds.push(await page.call("found"));
  return { handover_ms: round(Math.max(...founds.map(({ pause }) => pause)), 0), missed: count - Math.min(...founds.map(({ seen }) => seen)) };
}

function outage(seconds) {
  return {
    id: `outage-${seconds}`,
    // A quick run has the short one.
    long: seconds > 1,
    title: `the server is away for ${seconds} s, and 100 events happen meanwhile`,
    figures: { back_ms: "ms", dials: "", missed: "", right: "" },
    async open({ chromium, backend, contestant }) {
      const page = await chromium.open(backend.url, contestant);
      await page.call("open", { queries: 1, fetches: "over HTTP" });
      return page;
    },
    async run({ backend, page }) {
      await backend.stop();
      await sleep((seconds * 1000) / 2);
      await backend.publish({ count: 100 });
      await sleep((seconds * 1000) / 2);
      const dials = await backend.restart();
      const began = performance.now();
      const back = await until(() => backend.sockets > 0, 60_000, 2);
      const took = performance.now() - began;
      // Whoever heard nothing may still find out that something happened.
      const right = await until(() => page.call("shows", backend.versions()), 3000, 100);
      const { seen } = await page.call("found");
      return { back_ms: back ? round(took, 0) : undefined, dials, missed: 100 - seen, right: right ? 1 : 0 };
    },
  };
}

const start = {
  id: "start",
  title: "a page that is opened: from the import to the first moment in which it would hear of an event",
  figures: { start_ms: "ms", heap_mb: "MB" },
  async run({ chromium, backend, contestant }) {
    const page = await chromium.open(backend.url, contestant);
    const took = await page.timed("open", { attach: false, rests: false });
    return { start_ms: round(took, 0), heap_mb: round((await page.heap()) / 2 ** 20) };
  },
};

const starvation = {
  id: "starvation",
  title: "an event every 40 ms for 3 s, a fetch takes 80 ms",
  figures: { first_ms: "ms", requests: "", right: "" },
  async open({ chromium, backend, contestant }) {
    const page = await chromium.open(backend.url, contestant);
    await page.call("open", { queries: 1, fetches: "over HTTP", fetchMs: 80 });
    return page;
  },
  async run({ backend, page }) {
    const versions = backend.versions();
    const last = (versions.family0 ?? 0) + 75;
    backend.count();
    await page.call("watch");
    await backend.publish({ count: 75, burst: 1, everyMs: 40 });
    const right = await until(() => page.call("shows", { ...versions, family0: last }), 5000, 100);
    return { first_ms: round(await page.call("first"), 0), requests: backend.count().requests, right: right ? 1 : 0 };
  },
};

export const MEASURES = [cpu, paced, storm, tabs, outage(1), outage(10), start, starvation, crowd, ...QUEUES];
