// Several tabs of one browser, each with the real query-core on the real engine and a cache of its own.
import { QueryClient, QueryObserver } from "@tanstack/query-core";
import { attach } from "../../dist/tanstack.js";
import { createWorld } from "../../dist/testing.js";

/** How long the server takes, unless a test says otherwise. */
const FETCH_MS = 60;

/** A browser whose tabs show values of a server. */
export async function browser(count, { share = true, seed = 1, retry = false } = {}) {
  const world = await createWorld({ seed });
  const { clock, server } = world;
  const backend = { values: { tasks: 0, counts: 0 }, requests: [], fail: () => undefined, fetchMs: () => FETCH_MS };
  const tabs = [];
  const b = {
    world,
    clock,
    backend,
    tabs,
    /** Opens one more tab. */
    async open() {
      const live = await world.tab({ user: tabs[0]?.live.user ?? "a", channels: ["tasks"], events: { changed: ["tasks"], counted: ["counts"] } });
      const tab = tabOf(live, backend, tabs.length, share, retry);
      tabs.push(tab);
      return tab;
    },
    /** The value changes on the server, and the event is sent. */
    change(name = "tasks", event = "changed") {
      backend.values[name] += 1;
      server.publish("tasks", event, {});
    },
    /** Everybody shows it, and has it. */
    async settled(key) {
      for (const tab of tabs) tab.show(key);
      await clock.advance(3000);
      backend.requests.length = 0;
    },
    async end() {
      for (const tab of tabs) tab.leave();
      await world.end();
    },
  };
  for (let number = 0; number < count; number += 1) await b.open();
  // What may have been missed before they subscribed has been told by then.
  await clock.advance(3000);
  return b;
}

function tabOf(live, backend, number, share, retry) {
  const client = new QueryClient({ defaultOptions: { queries: { retry, staleTime: Infinity } } });
  client.mount();
  const shown = new Set();
  const tab = {
    live,
    client,
    detach: attach(live, client, { share }),
    /** The server reads the value halfway through the request. */
    queryFn: async ({ queryKey }) => {
      const user = live.user;
      backend.requests.push({ tab: number, key: queryKey[0], at: Date.now() });
      const [took, error] = [backend.fetchMs(number), backend.fail(number)];
      await new Promise((resolve) => setTimeout(resolve, took / 2));
      const value = backend.values[queryKey[0]];
      await new Promise((resolve) => setTimeout(resolve, took / 2));
      if (error) throw error;
      return typeof value === "number" ? { user, value } : value;
    },
    /** Shows a query, as a mounted component does, until what it gives is called. */
    show(queryKey = ["tasks"], rest = {}) {
      const observer = new QueryObserver(client, { queryKey, queryFn: tab.queryFn, ...rest });
      const stop = observer.subscribe(() => {});
      const view = { queryKey, observer, hide: () => (stop(), shown.delete(view)) };
      shown.add(view);
      return view;
    },
    shown,
    data: (key = ["tasks"]) => client.getQueryData(key),
    leave() {
      for (const view of shown) view.hide();
      tab.detach();
      client.unmount();
      client.clear();
    },
  };
  return tab;
}
