// What tabs of one browser share, as far as the package uses it.

interface Held {
  readonly name: string;
  readonly end: (error?: unknown) => void;
}
interface Wanted extends Held {
  readonly start: () => void;
}
type LockCall = (lock: { readonly name: string; readonly mode: "exclusive" } | null) => unknown;

/** Web Locks, of the exclusive kind. */
export class FakeLocks {
  readonly #held = new Map<string, Held>();
  #queue: Wanted[] = [];

  request(name: string, ...given: [LockCall] | [{ signal?: AbortSignal; steal?: boolean; ifAvailable?: boolean }, LockCall]): Promise<unknown> {
    const call = given.at(-1) as LockCall;
    const { signal, steal, ifAvailable } = given.length === 2 ? given[0] : {};
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const over = (settle: () => void) => {
        if (this.#held.get(name) === entry) this.#held.delete(name);
        this.#queue = this.#queue.filter((one) => one !== entry);
        settle();
        this.#next(name);
      };
      const entry: Wanted = {
        name,
        end: (error) => over(() => reject(error)),
        start: () => {
          signal?.removeEventListener("abort", abort);
          this.#held.set(name, entry);
          Promise.resolve(call({ name, mode: "exclusive" })).then(
            (value) => this.#held.get(name) === entry && over(() => resolve(value)),
            (error: unknown) => this.#held.get(name) === entry && entry.end(error),
          );
        },
      };
      const abort = () => entry.end(signal?.reason);
      if (steal) {
        const before = this.#held.get(name);
        this.#held.set(name, entry);
        before?.end(new DOMException("stolen", "AbortError"));
        queueMicrotask(entry.start);
      } else if (ifAvailable && this.#held.has(name)) {
        resolve(call(null));
      } else {
        signal?.addEventListener("abort", abort, { once: true });
        this.#queue.push(entry);
        this.#next(name);
      }
    });
  }

  query(): Promise<{ held: { name: string; mode: "exclusive" }[]; pending: { name: string; mode: "exclusive" }[] }> {
    const shown = ({ name }: Held) => ({ name, mode: "exclusive" as const });
    return Promise.resolve({ held: [...this.#held.values()].map(shown), pending: this.#queue.map(shown) });
  }

  #next(name: string): void {
    queueMicrotask(() => {
      if (this.#held.has(name)) return;
      const next = this.#queue.find((one) => one.name === name);
      if (next === undefined) return;
      this.#queue = this.#queue.filter((one) => one !== next);
      next.start();
    });
  }
}

/** The class of channels between the tabs of one browser: a message takes a millisecond of virtual time. */
export function channelClass(): typeof BroadcastChannel {
  const open = new Set<Channel>();
  class Channel extends EventTarget {
    readonly name: string;
    constructor(name: string) {
      super();
      this.name = name;
      open.add(this);
    }
    postMessage(message: unknown): void {
      const data = structuredClone(message);
      for (const other of open) {
        if (other === this || other.name !== this.name) continue;
        setTimeout(() => open.has(other) && other.dispatchEvent(new MessageEvent("message", { data })), 1);
      }
    }
    close(): void {
      open.delete(this);
    }
  }
  return Channel as unknown as typeof BroadcastChannel;
}

/** A storage, as `localStorage` is one. */
export class FakeStorage {
  readonly #items = new Map<string, string>();
  /** Whether it refuses what is written, as a storage that is full does. */
  full = false;

  get length(): number {
    return this.#items.size;
  }
  key(at: number): string | null {
    return [...this.#items.keys()][at] ?? null;
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.#items.set(key, String(value));
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  clear(): void {
    this.#items.clear();
  }
}
