// What is measured inside of a page, of whichever contestant it is bundled with.
import { QueryClient, QueryObserver } from "@tanstack/query-core";

import * as contestant from "contestant";

const NOW = () => performance.timeOrigin + performance.now();
const AFTER_START_MS = 600;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How an app hears of a change today. */
const invalidatesEach = (client) => ({ family }) => void client.invalidateQueries({ queryKey: [family] });

let state;

/** Shows so many live queries over so many families, instead of what was shown before. */
function show({ queries = 0, families = queries, fetches = "at once", fetchMs = 5 }) {
  const { client } = state;
  for (const end of state.ends.splice(0)) end();
  client.clear();
  state.shown.clear();
  for (let at = 0; at < queries; at += 1) {
    const family = `family${at % families}`;
    const queryFn = async () => {
      state.refetches += 1;
      if (fetches === "at once") return state.refetches;
      return (await (await fetch(`/data/${family}?ms=${fetchMs}`)).json()).n;
    };
    const observer = new QueryObserver(client, { queryKey: [family, at], queryFn });
    const end = observer.subscribe(({ data }) => {
      state.shown.set(at, { family, data });
      if (state.watched !== undefined && data !== state.watched.data) state.first ??= NOW() - state.watched.at;
    });
    state.ends.push(end);
  }
}

/** Whatever a client does at first is no part of what is measured then. */
async function rest() {
  await until(() => state.client.isFetching() === 0);
  await sleep(AFTER_START_MS);
  await until(() => state.client.isFetching() === 0);
  reset();
}

/** The same connection, with other queries. */
export async function turn(queries) {
  show(queries);
  await rest();
}

/** Connects, with so many live queries. */
export async function open({ attach = true, rests = true, ...queries }) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.mount();
  state = { client, heard: 0, latencies: [], heardAt: undefined, pause: 0, seen: new Set(), refetches: 0, longest: 0, shown: new Map(), ends: [] };
  show(queries);
  const act = (contestant.invalidates ?? invalidatesEach)(client);
  const hear = (event) => {
    const at = NOW();
    state.heard += 1;
    state.pause = Math.max(state.pause, at - (state.heardAt ?? at));
    state.heardAt = at;
    state.seen.add(event.seq);
    state.latencies.push(at - event.at);
    act(event);
  };
  await contestant.connect(location.origin, hear, attach ? client : undefined);
  if (!rests) return;
  await rest();
  watchStalls();
}

export function reset() {
  Object.assign(state, { heard: 0, latencies: [], heardAt: undefined, pause: 0, refetches: 0, longest: 0 });
  state.seen.clear();
}

/** How long the page could not do anything else: what the browser itself calls a long task, from 50 ms on. A watch of our own
 * would be work too. */
function watchStalls() {
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) state.longest = Math.max(state.longest, duration);
  }).observe({ type: "longtask" });
}

async function until(holds, patienceMs = 60_000) {
  for (const began = performance.now(); !holds(); await sleep(5)) {
    if (performance.now() - began > patienceMs) return false;
  }
  return true;
}

export function found() {
  const { heard, refetches, longest, pause, seen } = state;
  return { heard, refetches, longest, pause, seen: seen.size };
}

export const latencies = () => state.latencies;

/** Whether every query shows what the server has, by family, and nothing runs any more. */
export function shows(versions) {
  if (state.client.isFetching() > 0) return false;
  return [...state.shown.values()].every(({ family, data }) => data === versions[family]);
}

/** From now on: when does every query show these, with nothing under way any more? */
function waitFor(versions) {
  const began = performance.now();
  state.quiet = null;
  const hide = state.client.getQueryCache().subscribe(() => {
    if (!shows(versions)) return;
    hide();
    state.quiet = performance.now() - began;
  });
}

export { waitFor as await };
export const quiet = () => state.quiet;

/** From now on: when is the first new data there? */
export function watch() {
  state.watched = { at: NOW(), data: state.shown.get(0).data };
  state.first = undefined;
}

export const first = () => state.first;
