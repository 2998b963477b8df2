import type { Accepted, Mutating } from "./types.js";

/**
 * A mutation on its way, as its caller has it: a promise that knows whether anybody looks. One that fails
 * unseen is reported by what it was made with, and not as an unhandled rejection: the caller may have
 * left long ago, and somebody else may see to it.
 */
export class OnItsWay<Result> implements Mutating<Result> {
  readonly [Symbol.toStringTag] = "Promise";
  succeed!: (result: Result) => void;
  accept!: (accepted: Accepted) => void;
  readonly #result: Promise<Result>;
  readonly #accepted: Promise<Accepted>;
  readonly #unseen: (error: unknown) => void;
  #fail!: (error: unknown) => void;
  #refuse!: (error: unknown) => void;
  #seen = false;

  constructor(unseen: (error: unknown) => void) {
    this.#unseen = unseen;
    this.#result = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.#fail = reject;
    });
    this.#accepted = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.#refuse = reject;
    });
    for (const promise of [this.#result, this.#accepted]) promise.catch(() => {});
  }

  get accepted(): Promise<Accepted> {
    this.#seen = true;
    return this.#accepted;
  }

  fail(error: unknown): void {
    this.#fail(error);
    this.#refuse(error);
    // Whoever was given it a moment ago has had time to look by then.
    setTimeout(() => {
      if (!this.#seen) this.#unseen(error);
    });
  }

  then<One = Result, Two = never>(
    done?: ((result: Result) => One | PromiseLike<One>) | null,
    failed?: ((error: unknown) => Two | PromiseLike<Two>) | null,
  ): Promise<One | Two> {
    this.#seen = true;
    return this.#result.then(done, failed);
  }

  catch<Two = never>(failed?: ((error: unknown) => Two | PromiseLike<Two>) | null): Promise<Result | Two> {
    return this.then(undefined, failed);
  }

  finally(done?: (() => void) | null): Promise<Result> {
    this.#seen = true;
    return this.#result.finally(done);
  }
}
