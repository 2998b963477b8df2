/**
 * Counts who wants a name (a channel, or an event to listen to) and tells the engine when that
 * changes.
 *
 * It tells in a microtask, and only the difference: React's StrictMode mounts, unmounts and mounts in
 * one go, and a route change often leaves and wants the same channel, which must not reach the server
 * as a subscribe, an unsubscribe and a subscribe.
 */
export class Interest {
  readonly #wanted = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #touched = new Set<string>();
  readonly #fixed: readonly string[];
  readonly #tell: (name: string, wanted: boolean) => void;
  #open = false;

  /** @param fixed names that the engine wants by its configuration, for good and without being told. */
  constructor(fixed: readonly string[], tell: (name: string, wanted: boolean) => void) {
    this.#fixed = fixed;
    this.#tell = tell;
    for (const name of fixed) this.#wanted.set(name, 1);
  }

  /** One more wants it. The returned function takes that back, and must be called once at most. */
  want(name: string): () => void {
    this.#change(name, 1);
    return () => this.#change(name, -1);
  }

  /** From now on the engine can be told; what was wanted before is told at once. */
  open(): void {
    this.#open = true;
    for (const name of this.#fixed) this.#told.add(name);
    this.#flush();
  }

  /** The engine is gone: it needs no telling, and another one starts from nothing. */
  shut(): void {
    this.#open = false;
    this.#told.clear();
    for (const name of this.#wanted.keys()) this.#touched.add(name);
  }

  #change(name: string, by: 1 | -1): void {
    const count = (this.#wanted.get(name) ?? 0) + by;
    if (count > 0) this.#wanted.set(name, count);
    else this.#wanted.delete(name);
    const waiting = this.#touched.size > 0;
    this.#touched.add(name);
    if (this.#open && !waiting) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (!this.#open) return;
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const name of touched) {
      const wanted = this.#wanted.has(name);
      if (wanted === this.#told.has(name)) continue;
      if (wanted) this.#told.add(name);
      else this.#told.delete(name);
      this.#tell(name, wanted);
    }
  }
}
