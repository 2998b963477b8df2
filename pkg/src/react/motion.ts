import { MutationError } from "../errors.js";
import { Listeners, reportUncaught } from "../listeners.js";
import type { Accepted, Everfresh, MutateOptions, Mutating } from "../types.js";

/**
 * How the last mutation that a component asked for stands, for what it shows on the screen: `moving` since it was
 * asked for, also through a crash of the connection; `saved` once the server did it; `failed` when it was rolled back,
 * with the `error`; `conflict` while the user has to say which side wins. A letter of one that failed may be retried or
 * discarded, in any tab: then it is `saved`, or `idle` again.
 */
export interface MotionState<Vars = unknown, Result = unknown> {
  readonly state: "idle" | "moving" | "saved" | "failed" | "conflict";
  readonly vars?: Vars;
  /** That it will be done, whatever becomes of this page. */
  readonly accepted?: Accepted;
  readonly result?: Result;
  /** What it failed by, or met. */
  readonly error?: Error;
}

export const STILL: MotionState<never, never> = /* @__PURE__ */ Object.freeze({ state: "idle" });

/** What becomes of the mutations of one component. Only the last one is shown; the others go on all the same. */
export class Motion {
  readonly #changes = new Listeners<[]>(reportUncaught);
  #state: MotionState = STILL;
  #turn = 0;
  /** Listens for what becomes of the last one, as long as somebody looks and something may. */
  #listen: (() => () => void) | undefined;
  #leave: (() => void) | undefined;

  readonly getSnapshot = (): MotionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.#changes.size === 0) this.#hear(this.#listen);
    return this.#changes.add(listener, undefined, () => this.#changes.size === 0 && this.#leave?.());
  };

  start(live: Everfresh<any, any, any>, name: string, vars: unknown, options: MutateOptions | undefined): Mutating<unknown> {
    const turn = ++this.#turn;
    const put = (next: Partial<MotionState>, state: MotionState["state"] = this.#state.state) => {
      if (turn === this.#turn) this.#show({ ...this.#state, ...next, state });
    };
    this.#show({ state: "moving", vars });
    const mutating = live.mutate(name, vars, options) as Mutating<unknown>;
    let id: string | undefined;
    this.#hear(() =>
      live.onMutation((news) => {
        if (id === undefined || news.id !== id) return;
        if (news.state === "conflict") put({ error: news.error as MutationError }, "conflict");
        // How it ends at first is told by the promise.
        if (this.#state.state !== "failed") return;
        if (news.state === "dead") put({ error: news.error as MutationError });
        if (news.state === "resolved") this.reset();
        if (news.state === "applied") {
          put({ result: news.result }, "saved");
          this.#hear(undefined);
        }
      }),
    );
    mutating.accepted.then(
      (accepted) => {
        id = accepted.id;
        put({ accepted });
      },
      () => {},
    );
    mutating.then(
      (result) => {
        put({ result }, "saved");
        if (turn === this.#turn) this.#hear(undefined);
      },
      (error: Error) => put({ error }, "failed"),
    );
    return mutating;
  }

  readonly reset = (): void => {
    this.#turn += 1;
    this.#hear(undefined);
    this.#show(STILL);
  };

  #hear(listen: (() => () => void) | undefined): void {
    this.#leave?.();
    this.#listen = listen;
    this.#leave = listen?.();
  }

  #show(state: MotionState): void {
    if (state.state !== "conflict" && state.state !== "failed" && state.error !== undefined) {
      // A conflict that was settled is none any more.
      const { error: _, ...rest } = state;
      state = rest;
    }
    this.#state = Object.freeze(state);
    this.#changes.emit();
  }
}
