import { subscription } from "./listeners.js";
import type { Command } from "./notices.js";
import type { CacheAdapter, CacheConnection, Invalidation, LiveEvent, PendingEdit, QueryKey, SubscribeOptions } from "./types.js";

/**
 * The caches of queries that hang on an instance. The engine looks after the queries of the first one;
 * those of others it only tells what is stale, because two caches may hold one key in two states.
 */
export class Caches {
  readonly #adapters = new Set<CacheAdapter>();
  readonly #send: (command: Command) => boolean;
  readonly #threw: (error: unknown) => void;

  /** @param send gives a command to the engine; false if there is none. */
  constructor(send: (command: Command) => boolean, threw: (error: unknown) => void) {
    this.#send = send;
    this.#threw = threw;
  }

  /** @param pending what is to be shown from the start. */
  adapt(adapter: CacheAdapter, pending: readonly PendingEdit[], running: boolean, options?: SubscribeOptions): CacheConnection {
    const end = subscription(options?.signal, () => {
      this.#adapters.add(adapter);
      return () => {
        const first = this.#first() === adapter;
        this.#adapters.delete(adapter);
        // The engine looks after the next one's from now on.
        if (first) this.#first()?.opened();
      };
    });
    for (const edit of pending) adapter.show(edit);
    if (running) queueMicrotask(() => this.#adapters.has(adapter) && adapter.opened());
    return {
      report: (key, report) => this.#first() === adapter && this.#send({ ...report, do: "fetch", key }),
      threw: this.#threw,
      end,
    };
  }

  opened(): void {
    for (const adapter of this.#adapters) adapter.opened();
  }

  invalidate(invalidations: readonly Invalidation[], handled: boolean): void {
    for (const adapter of this.#adapters) adapter.invalidate(invalidations, handled && adapter === this.#first());
  }

  refetch(keys: readonly QueryKey[]): void {
    this.#first()?.refetch(keys);
  }

  lost(keys: readonly QueryKey[]): void {
    this.#first()?.lost(keys);
  }

  stale(keys: readonly QueryKey[]): void {
    this.#first()?.stale(keys);
  }

  clear(refetch: boolean): void {
    for (const adapter of this.#adapters) adapter.clear(refetch);
  }

  show(edit: PendingEdit): void {
    for (const adapter of this.#adapters) adapter.show(edit);
  }

  event(event: LiveEvent): void {
    for (const adapter of this.#adapters) adapter.event?.(event);
  }

  /** Gives the keys into whose data the answer was put, in every cache. */
  settle(edit: PendingEdit, result: { answer: unknown } | undefined): readonly QueryKey[] {
    const put = [...this.#adapters].map((adapter) => adapter.settle(edit, result));
    return put[0]?.filter((key) => put.every((keys) => keys.includes(key))) ?? [];
  }

  drop(): void {
    this.#adapters.clear();
  }

  #first(): CacheAdapter | undefined {
    return this.#adapters.values().next().value;
  }
}
