import { Boundary } from "./boundary.js";
import { EverfreshError } from "./errors.js";
import { Interest } from "./interest.js";
import { Listeners, subscription } from "./listeners.js";
import { loadCore } from "./loader.js";
import { freezeSnapshot, IDLE } from "./notices.js";
import type { Command, Notice } from "./notices.js";
import { parseFamilies, parseName } from "./options.js";
import type { ParsedOptions } from "./options.js";
import { createStore } from "./store.js";
import type {
  Everfresh,
  EverfreshSnapshot,
  Family,
  Fault,
  Invalidation,
  LiveEvent,
  SubscribeOptions,
  Unsubscribe,
} from "./types.js";

/**
 * Where an instance stands. `loading` and `running` are on the way; from `failed` it can be brought
 * back by `reconnect()` when the file could not be fetched; `closed` is the end.
 */
type Phase =
  | { at: "loading" }
  | { at: "running"; engine: Boundary }
  | { at: "failed"; error: EverfreshError }
  | { at: "closed" };

/** An instance in a browser: one engine, and everything of the app that hangs on it. */
export class Live implements Everfresh<Record<string, unknown>> {
  readonly name: string;
  declare readonly [Symbol.dispose]: () => void;
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly #options: ParsedOptions;
  readonly #closed: () => void;
  readonly #changes = new Listeners<[]>((error) => this.#listenerThrew(error));
  readonly #invalidations = new Listeners<[readonly Invalidation[]]>((error) => this.#listenerThrew(error));
  readonly #faults = new Listeners<[Fault]>((error) => reportUncaught(error));
  readonly #events = new Map<string, Listeners<[unknown, LiveEvent]>>();
  readonly #store = createStore(IDLE, () => this.#changes.emit());
  readonly #channels: Interest;
  readonly #heard: Interest;
  #routes: ParsedOptions["routes"];
  #phase: Phase = { at: "loading" };
  /** An engine that breaks is replaced once: one that breaks again would break for ever. */
  #spare = true;
  #ready: Promise<void>;

  /** @param closed called once, when the instance is closed. */
  constructor(options: ParsedOptions, closed: () => void) {
    this.name = options.config.name;
    this.#options = options;
    this.#routes = options.routes;
    this.#closed = closed;
    this.#channels = new Interest(options.config.channels, (channel, wanted) =>
      this.#command({ do: wanted ? "watch" : "unwatch", channel }),
    );
    this.#heard = new Interest([], (event, wanted) => this.#command({ do: wanted ? "listen" : "unlisten", event }));
    for (const event of options.routes.keys()) this.#heard.want(event);
    // Older browsers have no such symbols, and a method under the name `undefined` would be worse than none.
    if (Symbol.dispose) Object.defineProperty(this, Symbol.dispose, { value: () => this.close() });
    if (Symbol.asyncDispose) Object.defineProperty(this, Symbol.asyncDispose, { value: async () => this.close() });
    this.#ready = this.#start();
  }

  get ready(): Promise<void> {
    return this.#ready;
  }

  subscribe = (listener: () => void, options?: SubscribeOptions): Unsubscribe => this.#changes.add(listener, options);

  getSnapshot = (): EverfreshSnapshot => this.#store.get();

  getServerSnapshot = (): EverfreshSnapshot => IDLE;

  on<Name extends string>(
    name: Name,
    listener: (data: unknown, event: LiveEvent<Name>) => void,
    options?: SubscribeOptions,
  ): Unsubscribe {
    parseName(name, "name");
    return subscription(options?.signal, () => {
      let listeners = this.#events.get(name);
      if (listeners === undefined) {
        listeners = new Listeners((error) => this.#listenerThrew(error));
        this.#events.set(name, listeners);
      }
      // Only events of that name are ever given to it.
      const remove = listeners.add(listener as (data: unknown, event: LiveEvent) => void);
      const release = this.#heard.want(name);
      return () => {
        remove();
        release();
        if (listeners.size === 0 && this.#events.get(name) === listeners) this.#events.delete(name);
      };
    });
  }

  onInvalidate(listener: (invalidations: readonly Invalidation[]) => void, options?: SubscribeOptions): Unsubscribe {
    return this.#invalidations.add(listener, options);
  }

  onFault(listener: (fault: Fault) => void, options?: SubscribeOptions): Unsubscribe {
    return this.#faults.add(listener, options);
  }

  channel(name: string, options?: SubscribeOptions): Unsubscribe {
    parseName(name, "name");
    return subscription(options?.signal, () => this.#channels.want(name));
  }

  invalidate(families: readonly Family[]): void {
    const keys = parseFamilies(families, "families");
    if (keys.length === 0) return;
    if (this.#phase.at === "running") this.#command({ do: "invalidate", keys });
    // Without an engine there is nothing to merge it with, but the queries are stale all the same.
    else this.#invalidations.emit([{ keys, cause: { why: "app" } }]);
  }

  reconnect(): void {
    if (this.#phase.at === "failed" && this.#phase.error.code === "wasm-unreachable") {
      this.#again();
    } else {
      // While it loads there is nothing to hurry: it dials as soon as it can.
      this.#command({ do: "reconnect" });
    }
  }

  close(): void {
    const phase = this.#phase;
    if (phase.at === "closed") return;
    this.#phase = { at: "closed" };
    this.#channels.shut();
    this.#heard.shut();
    if (phase.at === "running") phase.engine.close();
    this.#closed();
    this.#settle("closed", "closed by the app");
    this.#changes.clear();
    this.#invalidations.clear();
    this.#faults.clear();
    this.#events.clear();
  }

  /** Whether an instance with these options would be this one. */
  sameAs(options: ParsedOptions): boolean {
    return shapeOf(options) === shapeOf(this.#options);
  }

  /** Takes over the routes that are functions: those of the latest call see the latest variables. */
  adoptRoutes(options: ParsedOptions): void {
    this.#routes = options.routes;
  }

  #start(): Promise<void> {
    const ready = this.#run();
    // Whoever does not await it learns of a failure by the status and by the fault.
    ready.catch(() => {});
    return ready;
  }

  async #run(): Promise<void> {
    try {
      const Core = await loadCore(this.#options.wasm);
      if (this.#phase.at !== "loading") throw closedError(this.name);
      const config = JSON.stringify(this.#options.config);
      const engine = new Boundary(Core, config, this.#deliver, (error) => this.#crash(error));
      this.#phase = { at: "running", engine };
      const snapshot = engine.call((core) => (core.start(), core.snapshot()));
      if (snapshot !== undefined) this.#store.set(freezeSnapshot(JSON.parse(snapshot) as EverfreshSnapshot));
    } catch (cause) {
      const error = toError(cause);
      if (error.code !== "closed") this.#fail(error);
      throw error;
    }
    // A start that crashed has moved the phase on by now.
    const phase = this.#phase as Phase;
    if (phase.at === "failed") throw phase.error;
    this.#channels.open();
    this.#heard.open();
  }

  #command(command: Command): void {
    const phase = this.#phase;
    if (phase.at !== "running") return;
    try {
      phase.engine.call((core) => core.command(JSON.stringify(command)));
    } catch (cause) {
      const error = toError(cause);
      this.#fault({ code: error.code, message: error.message, error });
    }
  }

  /** The engine broke. What it has to keep is in the storage: another one takes that up. */
  #crash(error: EverfreshError): void {
    if (this.#phase.at === "closed") return;
    this.#fail(error);
    if (!this.#spare) return;
    this.#spare = false;
    // After the call that broke is over, and everybody was told of it.
    setTimeout(() => this.#again());
  }

  /** Begins anew, where that may help. */
  #again(): void {
    if (this.#phase.at !== "failed") return;
    this.#phase = { at: "loading" };
    this.#settle("idle", "loading");
    this.#ready = this.#start();
  }

  #fail(error: EverfreshError): void {
    this.#phase = { at: "failed", error };
    this.#channels.shut();
    this.#heard.shut();
    this.#settle("failed", error.message);
    this.#fault({ code: error.code, message: error.message, error });
  }

  /** Shows a state in which there is no engine to show it. */
  #settle(status: "idle" | "failed" | "closed", reason: string): void {
    const state = { status, reason, since: Date.now(), attempt: 0, nextRetry: null, transport: null, channels: [] };
    this.#store.set(freezeSnapshot({ ...this.#store.get(), ...state }));
  }

  readonly #deliver = (batch: string): void => {
    if (this.#phase.at !== "running") return;
    const invalidations: Invalidation[] = [];
    const events: LiveEvent[] = [];
    for (const notice of JSON.parse(batch) as Notice[]) {
      switch (notice.type) {
        case "status":
          this.#store.set(freezeSnapshot(notice.snapshot));
          break;
        case "invalidate":
          invalidations.push({ keys: notice.keys, cause: notice.cause });
          break;
        case "event": {
          const { channel, name, data, by, at } = notice;
          events.push({ channel, name, data, by, at });
          break;
        }
        case "fault":
          this.#fault({ code: notice.code, message: notice.message });
          break;
      }
    }
    // Refetches first: they wait for the network, and listeners may be slow.
    if (invalidations.length > 0) this.#invalidations.emit(invalidations);
    for (const event of events) this.#follow(event);
    for (const event of events) this.#events.get(event.name)?.emit(event.data, event);
  };

  /** Runs the route of an event where that is a function, and tells the engine what it answered. */
  #follow(event: LiveEvent): void {
    const route = this.#routes.get(event.name);
    // A listener of this very batch may have closed the instance.
    if (route === undefined || this.#phase.at !== "running") return;
    const path = `events.${event.name}`;
    let families: unknown;
    try {
      families = route(event.data, event);
    } catch (cause) {
      const error = new EverfreshError("route-threw", `everfresh: the route \`${path}\` threw`, { path, cause });
      this.#fault({ code: error.code, message: error.message, error });
      return;
    }
    try {
      const keys = parseFamilies(families, path);
      if (keys.length > 0) this.#command({ do: "invalidate", keys });
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const error = new EverfreshError("route-invalid", message, { path, cause });
      this.#fault({ code: error.code, message: error.message, error });
    }
  }

  #listenerThrew(cause: unknown): void {
    const error = new EverfreshError("listener-threw", "everfresh: a listener threw", { cause });
    this.#fault({ code: error.code, message: error.message, error });
  }

  #fault(fault: Fault): void {
    if (this.#faults.size > 0) this.#faults.emit(fault);
    // What an app's own listener threw is shown as it is, with its own stack.
    else reportUncaught(fault.code === "listener-threw" ? fault.error?.cause : (fault.error ?? faultError(fault)));
  }
}

/** Everything that makes two instances different, except functions, which differ every time they are written. */
function shapeOf({ config, routes }: ParsedOptions): string {
  return JSON.stringify([config, [...routes.keys()]]);
}

function closedError(name: string): EverfreshError {
  return new EverfreshError("closed", `everfresh: the instance "${name}" was closed before it was ready`);
}

function toError(cause: unknown): EverfreshError {
  if (cause instanceof EverfreshError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new EverfreshError("core-crashed", `everfresh: ${message}`, { cause });
}

function faultError(fault: Fault): Error {
  return new Error(`everfresh: ${fault.message} (${fault.code})`);
}

/** Shows an error as an uncaught one is shown, without ending what is going on. */
function reportUncaught(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}
