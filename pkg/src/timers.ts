import { relays } from "./worker.js";

/** What TanStack Query's `timeoutManager.setTimeoutProvider` takes, by its shape. */
export interface TimeoutProviderLike {
  readonly setTimeout: (callback: () => void, delay: number) => number;
  readonly clearTimeout: (id: number | undefined) => void;
  readonly setInterval: (callback: () => void, delay: number) => number;
  readonly clearInterval: (id: number | undefined) => void;
}

interface Interval {
  readonly run: () => void;
  readonly delay: number;
  readonly native: ReturnType<typeof setInterval>;
  due: number;
}

/** Timers of browsers run so much too early or too late without meaning it. */
const SLACK_MS = 50;

/** None on a server. */
const page = /* @__PURE__ */ (() => (typeof document === "object" ? document : undefined))();
const intervals = /* @__PURE__ */ new Map<number, Interval>();
let last = 0;

/** Whoever comes first runs it, the page's own timer or the worker; the other finds that it is not due. */
function look(interval: Interval): void {
  const now = performance.now();
  if (now < interval.due - Math.min(SLACK_MS, interval.delay / 2)) return;
  interval.due = now + interval.delay;
  interval.run();
}

/** Asks the worker for a tick when the next one is due. A page that is seen has timers that run. */
function arm(): void {
  const [worker] = relays;
  if (worker === undefined || intervals.size === 0 || !page?.hidden) return;
  let due = Infinity;
  for (const interval of intervals.values()) due = Math.min(due, interval.due);
  // The same listener once, however often it is added.
  worker.addEventListener("message", ticked);
  worker.postMessage([Math.max(due - performance.now(), 0)]);
}

function ticked({ data }: MessageEvent): void {
  // Everything else is for the engine.
  if (data !== null) return;
  for (const interval of intervals.values()) look(interval);
  arm();
}

/**
 * Timers for TanStack Query, whose intervals go on while the page is hidden. Browsers run the timers of a hidden page
 * once a minute at times; the worker that holds the connection is not slowed down, and wakes the page. In a tab
 * without such a worker, and where the page is seen, they are the page's own.
 *
 * ```ts
 * timeoutManager.setTimeoutProvider(timeoutProvider);
 * ```
 *
 * To be set before the first query is made: TanStack Query's timers of one kind cannot be ended by another, and it
 * warns of that. Only intervals are helped, and so `refetchInterval` with `refetchIntervalInBackground`: what else it
 * has timers for changes nothing while nobody looks.
 */
export const timeoutProvider: TimeoutProviderLike = {
  // In browsers an id is a number. Node's can be made one.
  setTimeout: (callback, delay) => Number(setTimeout(callback, delay)),
  clearTimeout: (id) => clearTimeout(id),
  setInterval(run, delay) {
    const native = setInterval(() => {
      look(interval);
      // A worker may have begun since.
      arm();
    }, delay);
    const interval: Interval = { run, delay, native, due: performance.now() + delay };
    intervals.set(++last, interval);
    page?.addEventListener("visibilitychange", arm);
    arm();
    return last;
  },
  clearInterval(id) {
    const interval = intervals.get(id as number);
    if (interval === undefined) return;
    clearInterval(interval.native);
    intervals.delete(id as number);
    if (intervals.size === 0) page?.removeEventListener("visibilitychange", arm);
  },
};
