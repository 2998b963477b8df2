// Virtual time: timers, both clocks, and nothing that waits for the machine's own.

const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, now: Date.now };

/** What is due next runs when the clock is moved, in the order of its moments. */
export class Clock {
  #now = 1_800_000_000_000;
  #start = this.#now;
  #timers = new Map();
  #ids = 0;

  /** Takes the place of the machine's clock and timers, until the test process ends. */
  install() {
    globalThis.setTimeout = (call, wait = 0, ...args) => this.#plan(() => call(...args), wait);
    globalThis.setInterval = (call, wait = 0, ...args) => {
      const id = this.#plan(() => {
        this.#timers.set(id, { at: this.#now + Math.max(wait, 1), order: ++this.#ids, call: again });
        call(...args);
      }, wait);
      const again = this.#timers.get(id).call;
      return id;
    };
    globalThis.clearTimeout = globalThis.clearInterval = (id) => this.#timers.delete(Number(id));
    Date.now = () => this.#now;
    Object.defineProperty(globalThis, "performance", { value: { now: () => this.#now - this.#start }, configurable: true });
    return this;
  }

  get now() {
    return this.#now;
  }

  /** How many timers wait. */
  get waiting() {
    return this.#timers.size;
  }

  #plan(call, wait) {
    const id = ++this.#ids;
    this.#timers.set(id, { at: this.#now + Math.max(wait, 1), order: id, call });
    return id;
  }

  /** Lets everything happen that needs no time. */
  async settle() {
    for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => real.setImmediate(resolve));
  }

  /** Moves on by a span, running on the way what becomes due. */
  async advance(span) {
    const until = this.#now + span;
    await this.settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= until);
      if (due.length === 0) break;
      due.sort(([, a], [, b]) => a.at - b.at || a.order - b.order);
      const [id, { at, call }] = due[0];
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      call();
      await this.settle();
    }
    this.#now = until;
  }
}
