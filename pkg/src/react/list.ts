import { Listeners, reportUncaught } from "../listeners.js";
import type { Everfresh, QueueItem, QueueList, QueueStatus } from "../types.js";

/** The first items of a list of the queue. */
export interface ListState {
  readonly items: readonly QueueItem[];
  /** Whether there are more than these. */
  readonly more: boolean;
  /** Why it could not be read; the items are those that were read before. */
  readonly error?: Error;
}

export const EMPTY: ListState = /* @__PURE__ */ Object.freeze({ items: [], more: false });
const LIMIT = 100;

const lists = /* @__PURE__ */ new WeakMap<Everfresh<any, any, any>, Map<QueueList, List>>();

/** One list for all components that show it: they never show two states of it. */
export function listOf(live: Everfresh<any, any, any>, of: QueueList): List {
  let ofLive = lists.get(live);
  if (ofLive === undefined) lists.set(live, (ofLive = new Map()));
  let list = ofLive.get(of);
  if (list === undefined) ofLive.set(of, (list = new List(live, of)));
  return list;
}

/** A list of the queue, read again when the queue changes while somebody looks. */
export class List {
  readonly #live: Everfresh<any, any, any>;
  readonly #of: QueueList;
  readonly #changes = new Listeners<[]>(reportUncaught);
  #state = EMPTY;
  /** The queue as it was when the list was asked for. */
  #seen: QueueStatus | undefined;
  #asking: AbortController | undefined;
  #ends: (() => void)[] = [];

  constructor(live: Everfresh<any, any, any>, of: QueueList) {
    this.#live = live;
    this.#of = of;
  }

  readonly getSnapshot = (): ListState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    const end = this.#changes.add(listener, undefined, () => this.#changes.size === 0 && this.#sleep());
    if (this.#changes.size === 1) this.#wake();
    return end;
  };

  #wake(): void {
    const live = this.#live;
    const look = () => {
      // Until it has an engine it would only wait.
      if (live.getSnapshot().queue !== this.#seen) this.#read();
    };
    // What is another user's is gone at once.
    const forget = () => {
      this.#asking?.abort();
      this.#asking = undefined;
      this.#show(EMPTY);
      this.#read();
    };
    this.#ends = [live.subscribe(look), live.onUser(forget)];
    this.#seen = undefined;
    look();
  }

  #sleep(): void {
    for (const end of this.#ends) end();
    this.#asking?.abort();
    this.#asking = undefined;
    // Whoever looks again reads it anew, and is not shown what was true once.
    this.#state = EMPTY;
  }

  #read(): void {
    // The one that is on its way may have been answered before the change: it is asked again then.
    if (this.#asking) return;
    this.#seen = this.#live.getSnapshot().queue;
    const asking = (this.#asking = new AbortController());
    const over = (state: ListState) => {
      if (this.#asking !== asking) return;
      this.#asking = undefined;
      this.#show(state);
      if (this.#live.getSnapshot().queue !== this.#seen) this.#read();
    };
    this.#live.queue.list({ of: this.#of, limit: LIMIT, signal: asking.signal }).then(
      ({ items, next }) => over(Object.freeze({ items, more: next !== null })),
      (error: Error) => over(Object.freeze({ ...this.#state, error })),
    );
  }

  #show(state: ListState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#changes.emit();
  }
}
