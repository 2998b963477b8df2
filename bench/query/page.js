// The figures: the same things happen to both sides, one after the other, in real time.
import { createEverfresh } from "./everfresh/index.js";
import { attach } from "./everfresh/tanstack.js";
import { dehydrate, hydrate, MutationObserver, onlineManager, QueryClient, QueryObserver } from "./query-core/index.js";
import { addTask, countTasks, sleep } from "./server.js";

const FETCH_MS = 80;
const EVERY_MS = 40;
const EVENTS = 75;
/** Both have as long to come to rest. */
const REST_MS = 2000;
const MUTATIONS = [150, 100, 50].map((ms, at) => ({ title: `mutation ${at + 1}`, ms }));
const TABS = 2;

const KEY = ["tasks"];

/** A client that hears of events in one of the two ways. */
async function start(side) {
  const live = createEverfresh({
    name: `events-${side}-${Math.random()}`,
    user: "ann",
    backend: { kind: "everfresh", url: "/live" },
    channels: ["tasks"],
    events: { task_created: [KEY] },
  });
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.mount();
  if (side === "everfresh") attach(live, client);
  else live.on("task_created", () => client.invalidateQueries({ queryKey: KEY }));
  await until(() => live.getSnapshot().status === "connected");
  // What was missed before it subscribed has been told by then.
  await sleep(REST_MS);
  let requests = 0;
  const query = {
    queryKey: KEY,
    queryFn: () => {
      requests += 1;
      return countTasks(FETCH_MS);
    },
  };
  return {
    client,
    query,
    requests: () => requests,
    end: () => {
      live.close();
      client.clear();
      client.unmount();
    },
  };
}

async function until(holds, patienceMs = 30_000) {
  for (const began = performance.now(); !holds(); await sleep(10)) {
    if (performance.now() - began > patienceMs) return false;
  }
  return true;
}

/** Events that do not end, while each fetch takes longer than the time between two of them. */
async function stream(side) {
  const { client, query, requests, end } = await start(side);
  const observer = new QueryObserver(client, query);
  let [first, last, updates] = [undefined, undefined, 0];
  const before = await countTasks(0);
  let began;
  const hide = observer.subscribe(({ data }) => {
    if (began === undefined || data === undefined || data <= before || data === last) return;
    first ??= performance.now() - began;
    last = data;
    updates += 1;
  });
  await until(() => observer.getCurrentResult().data === before);
  const asked = requests();
  began = performance.now();
  const added = [];
  for (let n = 0; n < EVENTS; n += 1) {
    await sleep(began + n * EVERY_MS - performance.now());
    added.push(addTask(`event ${n}`));
  }
  await Promise.all(added);
  const took = performance.now() - began;
  await sleep(REST_MS);
  const final = observer.getCurrentResult().data;
  const result = {
    firstMs: first === undefined ? null : Math.round(first),
    requests: requests() - asked,
    updates,
    tookMs: Math.round(took),
    right: final === (await countTasks(0)),
  };
  hide();
  end();
  return result;
}

/** An event while something is fetched for the first time: by a component, and by a router that loads ahead. */
async function firstLoad(side, prefetch) {
  const { client, query, requests, end } = await start(side);
  const observer = new QueryObserver(client, query);
  let hide = () => {};
  if (prefetch) void client.prefetchQuery(query);
  else hide = observer.subscribe(() => {});
  // The server has been asked by then, and the answer is on its way.
  await sleep(FETCH_MS * 0.75);
  await addTask("during the first load");
  await sleep(REST_MS);
  // Whoever looks now sees what was loaded ahead.
  if (prefetch) hide = observer.subscribe(() => {});
  await sleep(REST_MS);
  const result = { requests: requests(), right: observer.getCurrentResult().data === (await countTasks(0)) };
  hide();
  end();
  return result;
}

/** Mutations that wait for the network when their tab is closed, and two tabs that find them. */
async function restored(side) {
  const [executed, done] = [[], []];
  const before = new Set((await (await fetch("/api/tasks")).json()).map(({ id }) => id));
  await (side === "everfresh" ? restoredOurs : restoredPlain)(executed);
  for (const task of await (await fetch("/api/tasks")).json()) if (!before.has(task.id)) done.push(task);
  const wanted = MUTATIONS.map(({ title }) => title).join();
  return { executions: executed.length, tasks: done.length, inOrder: executed.join() === wanted };
}

async function restoredOurs(executed) {
  window.executed = (title) => executed.push(title);
  const user = `user-${Math.random()}`;
  const open = async (more) => {
    const frame = document.createElement("iframe");
    frame.src = `./tab.html?${new URLSearchParams({ user, ...more })}`;
    document.body.append(frame);
    await until(() => frame.contentWindow?.live !== undefined);
    await frame.contentWindow.live.ready;
    return frame;
  };
  const first = await open({ offline: "" });
  await first.contentWindow.queue(MUTATIONS);
  first.remove();
  const tabs = await Promise.all(Array.from({ length: TABS }, () => open({})));
  await until(() => executed.length >= MUTATIONS.length && tabs.every((tab) => tab.contentWindow.live.getSnapshot().queue.count === 0));
  await sleep(REST_MS);
  for (const tab of tabs) tab.remove();
}

async function restoredPlain(executed) {
  const open = () => {
    const client = new QueryClient();
    client.setMutationDefaults(["add"], {
      mutationFn: async ({ title, ms }) => {
        executed.push(title);
        await sleep(ms);
        return addTask(title);
      },
    });
    return client;
  };
  onlineManager.setOnline(false);
  const first = open();
  for (const vars of MUTATIONS) new MutationObserver(first, { mutationKey: ["add"] }).mutate(vars).catch(() => {});
  await sleep(100);
  // What a persister writes, and what each tab reads of it.
  const stored = JSON.stringify(dehydrate(first));
  first.clear();
  const tabs = Array.from({ length: TABS }, open);
  for (const client of tabs) hydrate(client, JSON.parse(stored));
  onlineManager.setOnline(true);
  await Promise.all(tabs.map((client) => client.resumePausedMutations()));
  await sleep(REST_MS);
}

/** All of it, on both sides. */
async function run() {
  const results = {};
  for (const side of ["everfresh", "plain"]) {
    results[side] = {
      stream: await stream(side),
      firstLoad: await firstLoad(side, false),
      prefetch: await firstLoad(side, true),
      restored: await restored(side),
    };
    show(results);
  }
  return results;
}

function show(results) {
  const table = document.querySelector("#figures");
  table.replaceChildren();
  const line = (...cells) => {
    const row = table.insertRow();
    for (const cell of cells) row.insertCell().textContent = cell;
  };
  const sides = Object.keys(results);
  line("", "", ...sides);
  for (const [scene, figures] of Object.entries(results[sides[0]])) {
    for (const figure of Object.keys(figures)) line(scene, figure, ...sides.map((side) => String(results[side][scene][figure])));
  }
}

/** The figures, or what went wrong, for whoever drives the page. */
window.found = null;
run().then(
  (figures) => (window.found = figures),
  (error) => (window.found = { error: String(error?.stack ?? error) }),
);
