// The package in a page without a bundler or a framework: what the tests about mutations, persons and
// long lives of tabs are made with. `window.rig` is what they drive.
import { createEverfresh } from "./everfresh/index.js";
import { attach } from "./everfresh/tanstack.js";
import { QueryClient, QueryObserver } from "./query-core/index.js";

/** How many mutations are made in one go. */
const FEW = 10;

const settings = new URLSearchParams(location.search);

async function post(path, body, { headers, signal, keepalive }) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
    keepalive,
  });
  if (!response.ok) throw response;
  return response.json();
}

const live = createEverfresh({
  user: settings.get("user") ?? "ann",
  backend: { kind: "everfresh", url: "/live" },
  channels: ["tasks"],
  events: { task_created: () => [["tasks"]] },
  mutations: { add: { run: ({ title }, context) => post("/api/tasks", { title }, context) } },
});

/** Titles of events, in the order in which they came. */
const heard = [];
/** What became of the mutations of this page. */
const tally = { accepted: 0, applied: 0, refused: {} };

// As an app shows it: nothing here knows of sockets, of other tabs or of pages that are put away.
const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retryDelay: 500 } } });
client.mount();
// Who waits for a tab that is gone would wait for an hour.
attach(live, client, { share: settings.has("share") && { waitMs: 3_600_000 } });
let fetching = 0;
const queryFn = async ({ signal }) => {
  fetching += 1;
  try {
    const response = await fetch("/api/tasks", { cache: "no-store", signal });
    if (!response.ok) throw response;
    return await response.json();
  } finally {
    fetching -= 1;
  }
};
new QueryObserver(client, { queryKey: ["tasks"], queryFn }).subscribe(() => {});

/** Since when this page leads and is connected, in milliseconds since 1970. */
let leadsSince = null;
live.subscribe(() => {
  const { role, status } = live.getSnapshot();
  if (role !== "leader") leadsSince = null;
  else if (status === "connected") leadsSince ??= Date.now();
});

const faults = [];
live.onFault(({ code, message }) => faults.push(`${code}: ${message}`));
live.on("task_created", (task) => heard.push(task.title));

/** Timers of hidden pages are slow; messages are not. */
function nextTask() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
}

function refused(error) {
  tally.refused[error.code] = (tally.refused[error.code] ?? 0) + 1;
}

window.rig = {
  live,
  tally,
  heard,
  /** Titles that are on the screen. */
  shown: () => (client.getQueryData(["tasks"]) ?? []).map((task) => task.title),
  faults,
  fetching: () => fetching > 0,
  leadsSince: () => leadsSince,
  /** Makes mutations at once, without waiting for any. */
  add(prefix, count) {
    for (let n = 0; n < count; n += 1) this.addOne(`${prefix} ${n}`);
  },
  addOne(title) {
    const mutating = live.mutate("add", { title });
    mutating.accepted.then(() => (tally.accepted += 1), refused);
    mutating.then(
      () => (tally.applied += 1),
      () => {},
    );
  },
  /** The same a few at a time, beginning when any page of the browser says so. */
  addWhenTold(prefix, count) {
    const starter = new BroadcastChannel("rig");
    starter.onmessage = async () => {
      starter.close();
      for (let n = 0; n < count; n += FEW) {
        for (let at = n; at < Math.min(n + FEW, count); at += 1) this.addOne(`${prefix} ${at}`);
        await nextTask();
      }
    };
  },
  /** Fills the storage of the origin until not a character more goes in. */
  fill() {
    let size = 1 << 20;
    for (let n = 0; size >= 1; n += 1) {
      try {
        localStorage.setItem(`filled ${n}`, "x".repeat(size));
      } catch {
        size >>= 1;
      }
    }
  },
  /** Takes out what was filled in. */
  empty() {
    for (const key of Object.keys(localStorage)) if (key.startsWith("filled ")) localStorage.removeItem(key);
  },
};
