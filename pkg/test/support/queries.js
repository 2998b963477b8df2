// Queries of the real query-core on the real engine, against values on a model server, in virtual time.
import { notifyManager, QueryClient, QueryObserver } from "@tanstack/query-core";
import { attach } from "../../dist/tanstack.js";
import { clock, connect, server } from "./page.js";

/** A value that many queries read, and events that tell of its changes. */
export async function world({ live: options = {}, attach: attaching = {}, fetchMs = 20, retry = false } = {}) {
  const live = await connect({ channels: ["tasks"], events: { changed: ["tasks"], counted: ["counts"] }, ...options });
  const client = new QueryClient({ defaultOptions: { queries: { retry, staleTime: Infinity } } });
  client.mount();
  const backend = { values: { tasks: 0, counts: 0 }, requests: [], flying: 0, most: 0, fail: undefined, fetchMs };
  /** The server reads the value halfway through the request. */
  const queryFn = async ({ queryKey }) => {
    const request = { key: JSON.stringify(queryKey), at: clock.now };
    backend.requests.push(request);
    const took = typeof backend.fetchMs === "function" ? backend.fetchMs() : backend.fetchMs;
    const error = backend.fail?.(request);
    await new Promise((resolve) => setTimeout(resolve, took / 2));
    const value = backend.values[queryKey[0]];
    await new Promise((resolve) => setTimeout(resolve, took / 2));
    if (error) throw error;
    return value;
  };
  const shown = new Map();
  const w = {
    live,
    client,
    backend,
    queryFn,
    detach: attach(live, client, attaching),
    /** Shows a query, as a mounted component does: `seen` is what is on the screen, and since when. */
    show(queryKey, rest = {}) {
      const observer = new QueryObserver(client, { queryKey, queryFn, ...rest });
      const seen = [];
      const look = () => {
        const { data } = observer.getCurrentResult();
        if (seen.at(-1)?.data !== data) seen.push({ at: clock.now, data });
      };
      const hide = observer.subscribe(notifyManager.batchCalls(look));
      look();
      const view = { observer, seen, hide: () => (hide(), shown.delete(view)) };
      shown.set(view, view);
      return view;
    },
    /** The value changes on the server, and the event is sent. */
    change(name = "tasks", event = "changed", by = undefined) {
      backend.values[name] += 1;
      server.publish("tasks", event, { value: backend.values[name] }, by);
    },
    count: (key) => backend.requests.filter((request) => request.key === JSON.stringify(key)).length,
    data: (key) => client.getQueryData(key),
    invalidated: (key) => client.getQueryState(key)?.isInvalidated,
    end() {
      for (const view of shown.values()) view.hide();
      w.detach();
      client.unmount();
      client.clear();
      live.close();
    },
  };
  return w;
}
