/** What is really there, whatever takes its place for a while. */
const real = { setTimeout, clearTimeout, setInterval, clearInterval, dateNow: Date.now, performance };
const immediate: (call: () => void) => void =
  (globalThis as { setImmediate?: (call: () => void) => void }).setImmediate ?? ((call) => void real.setTimeout(call));

interface Timer {
  at: number;
  readonly order: number;
  readonly call: () => void;
  /** Of an interval. */
  readonly every: number | undefined;
}

/**
 * Virtual time: timers and both clocks of the page. What is due runs when the clock is moved, in the order of its
 * moments, so an hour takes as long as what happens in it.
 */
export class FakeClock {
  #now: number;
  readonly #start: number;
  #slept = 0;
  readonly #timers = new Map<number, Timer>();
  #ids = 0;

  /** @param now the wall clock's first moment, in milliseconds since 1970. */
  constructor(now: number) {
    this.#now = this.#start = now;
  }

  /** The wall clock, in milliseconds since 1970. */
  get now(): number {
    return this.#now + this.#slept;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Takes the place of the machine's clock and timers. Gives what undoes that. */
  install(): () => void {
    const plan = (every: boolean) => (call: (...args: unknown[]) => void, wait = 0, ...args: unknown[]) => {
      const id = ++this.#ids;
      const span = Math.max(Number(wait) || 0, 1);
      this.#timers.set(id, { at: this.#now + span, order: id, call: () => call(...args), every: every ? span : undefined });
      return id;
    };
    const clear = (id?: unknown) => void this.#timers.delete(Number(id));
    Object.assign(globalThis, { setTimeout: plan(false), setInterval: plan(true), clearTimeout: clear, clearInterval: clear });
    Date.now = () => this.now;
    const performance = Object.create(real.performance, { now: { value: () => this.#now - this.#start } }) as Performance;
    Object.defineProperty(globalThis, "performance", { value: performance, configurable: true, writable: true });
    return () => {
      const { dateNow, performance: clock, ...timers } = real;
      Object.assign(globalThis, timers);
      Date.now = dateNow;
      Object.defineProperty(globalThis, "performance", { value: clock, configurable: true, writable: true });
      this.#timers.clear();
    };
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => immediate(resolve));
  }

  /** Moves on by a span, running on the way what becomes due. */
  async advance(span: number): Promise<void> {
    const until = this.#now + span;
    await this.settle();
    for (;;) {
      let next: [number, Timer] | undefined;
      for (const entry of this.#timers) {
        const [, { at, order }] = entry;
        if (at <= until && (next === undefined || at < next[1].at || (at === next[1].at && order < next[1].order))) next = entry;
      }
      if (next === undefined) break;
      const [id, timer] = next;
      this.#now = Math.max(this.#now, timer.at);
      if (timer.every === undefined) this.#timers.delete(id);
      else this.#timers.set(id, { ...timer, at: this.#now + timer.every, order: ++this.#ids });
      timer.call();
      await this.settle();
    }
    this.#now = until;
  }

  /** The machine sleeps: the wall clock goes on, and nothing runs. */
  sleep(span: number): void {
    this.#slept += span;
  }
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
