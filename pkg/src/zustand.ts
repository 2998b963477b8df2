import { inFamily, toKey } from "./keys.js";
import { reportUncaught, subscription } from "./listeners.js";
import type {
  Everfresh,
  EverfreshSnapshot,
  Family,
  Invalidation,
  LiveEvent,
  NameOf,
  RegisteredEvents,
  SubscribeOptions,
  Unsubscribe,
} from "./types.js";

/** What is used of a Zustand store, with or without middleware. */
export interface StoreLike<State> {
  getState(): State;
  getInitialState(): State;
  setState(next: any, replace?: any): void;
}

/** A change of a state: the members that differ; or nothing, where it was changed in place (under `immer`). */
export type Change<State> = Partial<State> | State | void | undefined;

/** Data that a store loads, and loads anew when it is stale. */
export interface Load<State> {
  /** The family: what makes it stale makes this stale. */
  key: Family;
  /** Loads it. What it gives is put into the state; where that depends on the state, it gives a function of it. */
  run: (context: { readonly signal: AbortSignal }) => Promise<Partial<State> | ((state: State) => Change<State>)>;
}

/** What {@link bind} takes. */
export interface BindOptions<State, Events extends object> extends SubscribeOptions {
  /** By the event's name: what it changes. */
  events?: {
    [Name in NameOf<Events>]?: (state: State, data: Events[Name], event: LiveEvent<Name, Events[Name]>) => Change<State>;
  };
  /** What the state of the connection, of the tabs or of the queue changes. Called whenever that changed. */
  connection?: (state: State, snapshot: EverfreshSnapshot) => Change<State>;
  /** What is loaded at once, and again when it is stale. */
  load?: readonly Load<State>[];
  /** Channels that are followed for as long as the store is bound. */
  channels?: readonly string[];
  /**
   * What is left of the state when another user comes: its initial state when left out, because one user's data is not
   * for another.
   */
  userChanged?: (state: State) => State;
}

/**
 * Binds a Zustand store to the events and to the connection of an instance:
 *
 * ```ts
 * bind(live, useTasks, {
 *   events: { task_updated: (state, task) => ({ tasks: { ...state.tasks, [task.id]: task } }) },
 *   connection: (_, { status }) => ({ online: status === "connected" }),
 *   load: [{ key: "tasks", run: async ({ signal }) => ({ tasks: await api.tasks({ signal }) }) }],
 * });
 * ```
 *
 * What is loaded is loaded again when events may have been missed, and when something makes its family stale that is
 * no event of `events`: those bring their change themselves.
 *
 * @returns a function that unbinds it.
 */
export function bind<State, Events extends object = RegisteredEvents>(
  live: Everfresh<Events, any, any>,
  store: StoreLike<State>,
  options: BindOptions<State, NoInfer<Events>>,
): Unsubscribe {
  return subscription(options.signal, () => {
    const { connection, userChanged } = options;
    const events = (options.events ?? {}) as Record<string, ((state: State, data: unknown, event: LiveEvent) => Change<State>) | undefined>;
    // Under immer the state is a draft, which may be given back as it is.
    const change = (of: (state: State) => Change<State>) => store.setState((state: State) => of(state) ?? state);
    const loads = (options.load ?? []).map((load) => new Loading(load, change));
    const ends: Unsubscribe[] = (options.channels ?? []).map((name) => live.channel(name));
    for (const [name, of] of Object.entries(events)) {
      if (of) ends.push(live.on(name as NameOf<Events>, (data, event) => change((state) => of(state, data, event as LiveEvent))));
    }
    if (connection) {
      let seen: EverfreshSnapshot | undefined;
      const look = () => {
        const snapshot = live.getSnapshot();
        if (snapshot === seen) return;
        seen = snapshot;
        change((state) => connection(state, snapshot));
      };
      ends.push(live.subscribe(look));
      look();
    }
    ends.push(
      live.onInvalidate((invalidations) => {
        for (const load of loads) load.hear(invalidations, (event) => events[event] !== undefined);
      }),
      live.onUser((who) => {
        for (const load of loads) load.stop();
        store.setState(userChanged ? userChanged(store.getState()) : store.getInitialState(), true);
        if (connection) change((state) => connection(state, live.getSnapshot()));
        // While it is not known who is there, nothing is loaded.
        if (who !== "fenced") for (const load of loads) load.start();
      }),
    );
    for (const load of loads) load.start();
    return () => {
      for (const end of ends) end();
      for (const load of loads) load.stop();
    };
  });
}

/**
 * Something that is loaded: never twice at a time, and once more after a load during which it became stale. What that
 * load brings is shown all the same, so that an endless stream of events cannot keep new data away.
 */
class Loading<State> {
  readonly #load: Load<State>;
  readonly #change: (of: (state: State) => Change<State>) => void;
  #running: AbortController | undefined;
  #owed = false;

  constructor(load: Load<State>, change: (of: (state: State) => Change<State>) => void) {
    this.#load = load;
    this.#change = change;
  }

  hear(invalidations: readonly Invalidation[], brought: (event: string) => boolean): void {
    const key = toKey(this.#load.key);
    // A load that started before the event may put older data over what the event brought.
    const stale = invalidations.some(
      ({ keys, cause }) =>
        (this.#running !== undefined || cause.why !== "event" || !brought(cause.event ?? "")) &&
        keys.some((stale) => inFamily(key, stale) || inFamily(stale, key)),
    );
    if (stale) this.start();
  }

  start(): void {
    this.#owed = true;
    if (this.#running === undefined) void this.#run();
  }

  stop(): void {
    this.#owed = false;
    this.#running?.abort();
    this.#running = undefined;
  }

  async #run(): Promise<void> {
    const running = (this.#running = new AbortController());
    while (this.#owed && this.#running === running) {
      this.#owed = false;
      try {
        const loaded = await this.#load.run({ signal: running.signal });
        if (this.#running === running) this.#change((state) => (typeof loaded === "function" ? loaded(state) : loaded));
      } catch (error) {
        // The next event, gap or reconnect asks again.
        if (this.#running === running) reportUncaught(error);
      }
    }
    if (this.#running === running) this.#running = undefined;
  }
}
