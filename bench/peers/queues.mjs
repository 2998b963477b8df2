// Measures of queues of mutations: what is made without a network, by a page that is gone, is done by one that comes later.

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const round = (value, digits = 0) => (value === undefined ? undefined : Number(value.toFixed(digits)));

/** How long nothing has to happen until nothing more is waited for. */
const QUIET_MS = 8000;

/** Waits until the server has everything, or nothing has come for long; when it had the last, if it has all. */
async function all(backend, count) {
  for (let last = performance.now(), had = -1; backend.queue.done < count; await sleep(5)) {
    if (backend.queue.done !== had) [had, last] = [backend.queue.done, performance.now()];
    if (performance.now() - last > QUIET_MS) return undefined;
  }
  return performance.now();
}

async function filled({ chromium, backend, contestant }, count) {
  backend.forget();
  // The browser ends with its last tab.
  await chromium.open(backend.url, "idle");
  const page = await chromium.open(backend.url, contestant);
  await page.call("open");
  await page.network(false);
  await page.call("offline");
  const us = await page.call("enqueue", count);
  const kb = (await page.call("stored")) / 1000;
  await page.close();
  return { us, kb };
}

const ends = (backend, count) => ({ lost: count - backend.queue.done, again: backend.queue.again, disorder: backend.queue.disorder });

/** Made offline, the tab is closed, another one does it. */
function queue(id, whole, { long = false } = {}) {
  return {
    id,
    long,
    rounds: long ? 1 : undefined,
    title: `${whole.toLocaleString("en-US")} mutations in ten lanes, made without a network; the tab is closed, and another one sends them`,
    contestants: "queues",
    figures: { enqueue_us: "us", stored_kb: "KB", replay_ms: "ms", lost: "", again: "", disorder: "" },
    async run(place) {
      const { chromium, backend, contestant, quick } = place;
      const count = quick ? whole / 5 : whole;
      const { us, kb } = await filled(place, count);
      const page = await chromium.open(backend.url, contestant);
      const began = performance.now();
      await page.call("open");
      const ended = await all(backend, count);
      return { enqueue_us: round(us, 1), stored_kb: round(kb), replay_ms: ended && round(ended - began), ...ends(backend, count) };
    },
  };
}

/** The same, and who sends them crashes again and again. */
const kills = {
  id: "queue-kills",
  title: "the same with 400, and the tab that sends them crashes 20 times meanwhile",
  contestants: "queues",
  // Twenty crashes are many already.
  rounds: 1,
  figures: { lost: "", again: "", disorder: "" },
  async run(place) {
    const { chromium, backend, contestant, quick } = place;
    const count = 400;
    await filled(place, count);
    for (let left = quick ? 3 : 20; left > 0 && backend.queue.done < count; left -= 1) {
      const page = await chromium.open(backend.url, contestant);
      const had = backend.queue.done;
      void page.call("open").catch(() => {});
      for (let waited = 0; backend.queue.done < had + 15 && waited < QUIET_MS; waited += 2) await sleep(2);
      await page.crash();
    }
    const page = await chromium.open(backend.url, contestant);
    await page.call("open");
    await all(backend, count);
    // What was under way when it crashed may come again.
    await sleep(1000);
    return ends(backend, count);
  },
};

export const QUEUES = [queue("queue", 1000), queue("long-queue", 10_000, { long: true }), kills];
