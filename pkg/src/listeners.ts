import type { SubscribeOptions, Unsubscribe } from "./types.js";

/**
 * A set of listeners. One that throws is reported and does not keep the others from being called;
 * one that is added or removed during a call counts from the next call on.
 */
export class Listeners<Args extends readonly unknown[]> {
  readonly #entries = new Set<{ call: (...args: Args) => void }>();
  readonly #report: (error: unknown) => void;

  /** @param report gets what a listener threw. Must not throw itself. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Adds a listener; the same function twice is two subscriptions. `ended` runs once, however the
   * subscription ends.
   */
  readonly add = (call: (...args: Args) => void, options?: SubscribeOptions, ended?: () => void): Unsubscribe => {
    const entry = { call };
    return subscription(options?.signal, () => {
      this.#entries.add(entry);
      return () => {
        this.#entries.delete(entry);
        ended?.();
      };
    });
  };

  emit(...args: Args): void {
    for (const entry of [...this.#entries]) {
      // Left while an earlier listener of this very call ran.
      if (!this.#entries.has(entry)) continue;
      try {
        entry.call(...args);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}

/**
 * Starts something that ends when the returned function is called or the signal aborts, whichever is
 * first, and only once. With a signal that has aborted it does not start at all.
 */
export function subscription(signal: AbortSignal | undefined, start: () => () => void): Unsubscribe {
  if (signal?.aborted) return () => {};
  let stop: (() => void) | undefined = start();
  const end = () => {
    // A signal may live as long as the app, so it must not keep a listener for every ended subscription.
    signal?.removeEventListener("abort", end);
    const now = stop;
    stop = undefined;
    now?.();
  };
  signal?.addEventListener("abort", end, { once: true });
  return end;
}

/** Shows an error as an uncaught one is shown, without ending what is going on. */
export function reportUncaught(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}
