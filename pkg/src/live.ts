import { Boundary } from "./boundary.js";
import { Caches } from "./caches.js";
import { watchDebug } from "./debug.js";
import { EverfreshError } from "./errors.js";
import { Interest } from "./interest.js";
import { Listeners, reportUncaught, subscription } from "./listeners.js";
import { Layers } from "./layers.js";
import { loadCore, partsWith } from "./loader.js";
import type { CoreClass } from "./loader.js";
import { Mutations } from "./mutations.js";
import type { Command, Notice } from "./notices.js";
import { parseFamilies, parseFamily, parseName } from "./options.js";
import type { ParsedOptions } from "./options.js";
import { createQueue } from "./queue.js";
import { IDLE, share } from "./snapshot.js";
import { Tokens } from "./tokens.js";
import type {
  CacheAdapter,
  CacheConnection,
  ChannelOptions,
  Contracts,
  Diagnostics,
  Everfresh,
  EverfreshSnapshot,
  Explanation,
  Family,
  Fault,
  Invalidation,
  LiveEvent,
  LogPart,
  MutateOptions,
  Mutating,
  MutationNews,
  Plugin,
  Queue,
  SubscribeOptions,
  Unsubscribe,
  UserChange,
  Violation,
} from "./types.js";
import type { Core } from "./wasm/everfresh.js";

/**
 * Where an instance stands. `loading` and `running` are on the way; from `failed` it can be brought
 * back by `reconnect()` when the file could not be fetched; `closed` is the end. `inert` is one that never
 * starts, because there is no page: a server that renders.
 */
type Phase =
  | { at: "inert" }
  | { at: "loading" }
  | { at: "running"; engine: Boundary; fallback: EverfreshError | undefined }
  | { at: "failed"; error: EverfreshError }
  | { at: "closed" };

/** An instance: one engine, and everything of the app that hangs on it. */
export class Live implements Everfresh<Record<string, unknown>> {
  readonly name: string;
  readonly contracts: Contracts<string>;
  readonly queue: Queue;
  declare readonly [Symbol.dispose]: () => void;
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly #options: ParsedOptions;
  readonly #closed: (() => void) | undefined;
  readonly #changes = this.#listeners<[]>();
  readonly #invalidations = this.#listeners<[readonly Invalidation[]]>();
  readonly #news = this.#listeners<[MutationNews]>();
  readonly #violations = this.#listeners<[Violation]>();
  readonly #users = this.#listeners<[UserChange]>();
  readonly #faults = new Listeners<[Fault]>(reportUncaught);
  readonly #events = new Map<string, Listeners<[unknown, LiveEvent]>>();
  readonly #channels: Interest;
  readonly #heard: Interest;
  readonly #watched: Interest;
  readonly #caches = new Caches(
    (command) => this.#command(command),
    (error) => this.#listenerThrew(error),
  );
  readonly #mutations: Mutations;
  readonly #tokens: Tokens;
  readonly #layers: Layers;
  readonly #plugins = new Set<Plugin>();
  readonly #ends: (() => void)[] = [];
  /** What the engine has to be told when it is there: contracts that were turned on or off, diagnostics. */
  readonly #told = new Map<string, Command>();
  #routes: ParsedOptions["routes"];
  #user: string | null;
  /** Another tab said that somebody else is there. */
  #fenced = false;
  #snapshot: EverfreshSnapshot = IDLE;
  #phase: Phase;
  /** An engine that breaks is replaced once: one that breaks again would break for ever. */
  #spare = true;
  #ready: Promise<void>;

  /** @param closed called once, when the instance is closed; without it there is no page, and nothing is done. */
  constructor(options: ParsedOptions, closed?: () => void) {
    const { config, routes, domEvents, signal } = options;
    this.name = config.name;
    this.#options = options;
    this.#routes = routes;
    this.#user = config.user;
    this.#closed = closed;
    this.#phase = { at: closed ? "loading" : "inert" };
    const send = (command: Command) => void this.#command(command);
    this.#channels = new Interest(config.channels ?? [], (channel, wanted) => send({ do: wanted ? "watch" : "unwatch", channel }));
    this.#heard = new Interest([], (event, wanted) => {
      const command = { do: wanted ? "listen" : "unlisten", event } as const;
      send(command);
      this.#layers.send(command);
    });
    this.#watched = new Interest([], (contract, wanted) => send({ do: wanted ? "watchContract" : "unwatchContract", contract }));
    for (const event of routes.keys()) this.#heard.want(event);
    this.contracts = {
      families: options.families,
      watch: (name, watching) => subscription(watching?.signal, () => this.#watched.want(parseName(name, "name"))),
      enable: (contract) => this.#keep(`contract ${contract}`, { do: "enableContract", contract }),
      disable: (contract) => this.#keep(`contract ${contract}`, { do: "disableContract", contract }),
      refresh: (contract) => send({ do: "refreshContract", contract: parseName(contract, "name") }),
    };
    this.#tokens = new Tokens(options, send, (error) => this.#listenerThrew(error));
    this.#layers = new Layers(options, {
      send,
      fault: (fault) => this.#fault(fault),
      threw: (error) => this.#listenerThrew(error),
    });
    this.#mutations = new Mutations(options.mutations, {
      send,
      fault: (fault) => this.#fault(fault),
      online: () => navigator.onLine !== false && this.#snapshot.status === "connected",
      caches: this.#caches,
      news: this.#news,
    });
    this.queue = createQueue((op, rest, asking) => this.#mutations.ask(op, rest, asking));
    // Older browsers have no such symbols, and a method under the name `undefined` would be worse than none.
    if (Symbol.dispose) Object.defineProperty(this, Symbol.dispose, { value: () => this.close() });
    if (Symbol.asyncDispose) Object.defineProperty(this, Symbol.asyncDispose, { value: async () => this.close() });
    this.#ready = closed ? this.#start() : Promise.resolve();
    if (!closed) {
      this.#mutations.shut(new EverfreshError("closed", "there is no page here"), true);
      return;
    }
    for (const [event, dom] of domEvents) {
      this.on(event, (_, detail) => window.dispatchEvent(new CustomEvent(dom, { detail })));
    }
    this.#ends.push(watchDebug(this));
    if (signal) this.#ends.push(subscription(signal, () => () => this.close()));
    if (signal?.aborted) this.close();
  }

  get ready(): Promise<void> {
    return this.#ready;
  }

  get user(): string | null | undefined {
    return this.#fenced ? undefined : this.#user;
  }

  readonly subscribe = this.#changes.add;
  readonly onInvalidate = this.#invalidations.add;
  readonly onMutation = this.#news.add;
  readonly onViolation = this.#violations.add;
  readonly onUser = this.#users.add;
  readonly onFault = this.#faults.add;

  getSnapshot = (): EverfreshSnapshot => this.#snapshot;

  getServerSnapshot = (): EverfreshSnapshot => IDLE;

  on<Name extends string>(
    name: Name,
    listener: (data: unknown, event: LiveEvent<Name>) => void,
    options?: SubscribeOptions,
  ): Unsubscribe {
    parseName(name, "name");
    return subscription(options?.signal, () => {
      let listeners = this.#events.get(name);
      if (listeners === undefined) this.#events.set(name, (listeners = this.#listeners()));
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

  channel(name: string, options?: ChannelOptions): Unsubscribe {
    parseName(name, "name");
    if (options?.layer !== undefined) return this.#layers.channel(name, options.layer, options);
    return subscription(options?.signal, () => this.#channels.want(name));
  }

  invalidate(families: readonly Family[]): void {
    const keys = parseFamilies(families, "families");
    if (keys.length === 0 || this.#command({ do: "invalidate", keys })) return;
    // Without an engine there is nothing to merge it with, but the queries are stale all the same.
    this.#stale([{ keys, cause: { why: "app" } }], false);
  }

  mutate(name: string, ...[vars, options]: [vars?: unknown, options?: MutateOptions]): Mutating<unknown> {
    return this.#mutations.mutate(name, vars, options);
  }

  adapt(adapter: CacheAdapter, options?: SubscribeOptions): CacheConnection {
    return this.#caches.adapt(adapter, this.#mutations.edits(), this.#phase.at === "running", options);
  }

  plug(plugin: Plugin): (command: object) => void {
    if (!this.#options.rooms) throw new EverfreshError("option-missing", "`rooms` is missing: expected true", { path: "rooms", expected: "true" });
    this.#plugins.add(plugin);
    return (command) => void this.#command(command as Command);
  }

  setUser(user: string | null): void {
    this.#user = user === null ? null : parseName(user, "user");
    // An engine that comes later starts with this one.
    if (!this.#command({ do: "user", user })) this.#changeUser("switched", true);
    this.#layers.send({ do: "user", user });
  }

  setToken(token?: string): void {
    this.#command({ do: "logged-in", token });
  }

  reconnect(): void {
    const phase = this.#phase;
    const missing = phase.at === "failed" ? phase.error : phase.at === "running" ? phase.fallback : undefined;
    if (missing?.code === "wasm-unreachable") {
      this.#leave(missing, false);
      this.#again();
    } else {
      // While it loads there is nothing to hurry: it dials as soon as it can.
      this.#command({ do: "reconnect" });
      this.#layers.send({ do: "reconnect" });
    }
  }

  explain(key: Family): Explanation | undefined {
    const text = JSON.stringify(parseFamily(key, "key"));
    const told = this.#call((core) => core.explain(text));
    return told === undefined ? undefined : (JSON.parse(told) as Explanation);
  }

  diagnostics(): Diagnostics | undefined {
    return this.#call((core) => ({
      name: this.name,
      snapshot: this.#snapshot,
      ...(JSON.parse(`{"journal":${core.journal()},"history":${core.history()}}`) as Pick<Diagnostics, "journal" | "history">),
      recording: core.recording(),
    }));
  }

  log(parts: readonly (LogPart | "all")[] = ["all"]): void {
    this.#keep("log", { do: "log", parts });
  }

  close(): void {
    if (this.#phase.at === "closed" || this.#phase.at === "inert") return;
    const error = new EverfreshError("closed", `the instance "${this.name}" was closed`);
    this.#leave(error, true);
    this.#phase = { at: "closed" };
    this.#closed?.();
    for (const end of this.#ends) end();
    this.#settle("closed", "closed by the app");
    for (const listeners of [this.#changes, this.#invalidations, this.#news, this.#violations, this.#users, this.#faults]) {
      listeners.clear();
    }
    this.#events.clear();
    this.#caches.drop();
  }

  /** Whether an instance with these options would be this one. */
  sameAs(options: ParsedOptions): boolean {
    return shapeOf(options) === shapeOf(this.#options);
  }

  /** Takes over the functions of a later call: they see the latest variables. */
  adopt({ routes, mutations, getToken, getChannelToken, layers }: ParsedOptions): void {
    this.#layers.adopt(layers);
    this.#routes = routes;
    this.#mutations.definitions = mutations;
    this.#tokens.of = { getToken, getChannelToken };
  }

  #listeners<Args extends readonly unknown[]>(): Listeners<Args> {
    return new Listeners<Args>((error) => this.#listenerThrew(error));
  }

  #start(): Promise<void> {
    const ready = this.#run();
    // Whoever does not await it learns of a failure by the status and by the fault.
    ready.catch(() => {});
    return ready;
  }

  async #run(): Promise<void> {
    const { wasm, workerUrl, config, fallback, mutations, rooms, layers } = this.#options;
    let Engine: CoreClass;
    try {
      // Few pages have all of it, and the engine without is up to half as small.
      const needs = partsWith(String(config.backend.kind), {
        queue: mutations.size > 0 || config["queue"] !== undefined,
        layers: layers.length > 0,
        rooms,
        record: (config["record"] ?? false) !== false,
      });
      let missing: EverfreshError | undefined;
      Engine = await loadCore(wasm, needs).catch(async (cause: unknown) => {
        missing = toError(cause);
        if (!fallback) throw missing;
        this.#faultOf(missing);
        return (await import("./fallback.js")).fallbackCore(missing.message);
      });
      if (this.#phase.at !== "loading") throw new EverfreshError("closed", `the instance "${this.name}" was closed before it was ready`);
      const given = JSON.stringify({ ...config, user: this.#user });
      const engine = new Boundary(Engine, given, workerUrl, this.#deliver, (error) => this.#crash(error));
      this.#phase = { at: "running", engine, fallback: missing };
      const snapshot = this.#call((core) => (core.start(), core.snapshot()));
      if (snapshot !== undefined) this.#show(JSON.parse(snapshot) as EverfreshSnapshot);
    } catch (cause) {
      const error = toError(cause);
      if (error.code !== "closed") this.#fail(error, true);
      throw error;
    }
    // A start that crashed has moved the phase on by now.
    const phase = this.#phase as Phase;
    if (phase.at === "failed") throw phase.error;
    // A poll in JavaScript has one backend.
    if (phase.at === "running" && phase.fallback === undefined) this.#layers.open(Engine, this.#user);
    for (const part of [this.#channels, this.#heard, this.#watched, this.#mutations]) part.open();
    for (const command of this.#told.values()) this.#command(command);
    this.#caches.opened();
    for (const plugin of this.#plugins) plugin.opened();
  }

  /** Tells the engine something, now and whenever another one takes its place. */
  #keep(what: string, command: Command): void {
    this.#told.set(what, command);
    this.#command(command);
  }

  /** Tells the engine something. False if there is none. */
  #command(command: Command): boolean {
    return this.#call((core) => (core.command(JSON.stringify(command)), true)) ?? this.#phase.at === "running";
  }

  /** Runs a call into the engine, if there is one. */
  #call<Answer>(call: (core: Core) => Answer): Answer | undefined {
    if (this.#phase.at !== "running") return undefined;
    try {
      return this.#phase.engine.call(call);
    } catch (cause) {
      this.#faultOf(toError(cause));
      return undefined;
    }
  }

  /** The engine broke. What it has to keep is in the storage: another one takes that up. */
  #crash(error: EverfreshError): void {
    if (this.#phase.at === "closed") return;
    this.#fail(error, !this.#spare);
    if (!this.#spare) return;
    this.#spare = false;
    // After the call that broke is over, and everybody was told of it.
    setTimeout(() => this.#phase.at === "failed" && this.#again());
  }

  /** Begins anew, where that may help. */
  #again(): void {
    this.#phase = { at: "loading" };
    this.#settle("idle", "loading");
    this.#ready = this.#start();
  }

  /** `last` says that no other engine is tried. */
  #fail(error: EverfreshError, last: boolean): void {
    this.#leave(error, last);
    this.#phase = { at: "failed", error };
    this.#settle("failed", error.message);
    this.#faultOf(error);
  }

  /** Has done with the engine that runs, if one does. */
  #leave(error: EverfreshError, last: boolean): void {
    for (const part of [this.#channels, this.#heard, this.#watched]) part.shut();
    this.#mutations.shut(error, last);
    this.#tokens.stop();
    this.#layers.shut();
    if (this.#phase.at === "running") this.#phase.engine.close();
  }

  #show(next: EverfreshSnapshot): void {
    const last = this.#snapshot;
    this.#snapshot = share(last, next);
    if (this.#snapshot !== last) this.#changes.emit();
  }

  /** Shows a state in which there is no engine to show it. */
  #settle(status: "idle" | "failed" | "closed", reason: string): void {
    const state = { status, reason, since: Date.now(), attempt: 0, nextRetry: null, authenticated: false, transport: null, channels: [] };
    this.#show({ ...this.#snapshot, ...state });
  }

  readonly #deliver = (batch: string): void => {
    // Refetches first: they wait for the network, and listeners may be slow.
    const later: (() => void)[] = [];
    for (const notice of JSON.parse(batch) as Notice[]) {
      if (this.#phase.at !== "running") return;
      switch (notice.type) {
        case "status":
          this.#show(notice.snapshot);
          break;
        case "invalidate":
          this.#stale([{ keys: notice.keys, cause: notice.cause }], notice.handled);
          break;
        case "refetch":
          this.#caches.refetch(notice.keys);
          break;
        case "lost":
          this.#caches.lost(notice.keys);
          break;
        case "stale":
          this.#caches.stale(notice.keys);
          break;
        case "event": {
          const { channel, name, data, by, at } = notice;
          const event = { channel, name, data, by, at };
          this.#caches.event(event);
          this.#follow(event);
          later.push(() => this.#events.get(name)?.emit(data, event));
          break;
        }
        case "violation": {
          const { type: _, ...violation } = notice;
          later.push(() => this.#violations.emit(violation));
          break;
        }
        case "token":
          void this.#tokens.ask(notice.request, notice.reason, notice.channel);
          break;
        case "user":
          this.#changeUser(notice.change, notice.clear);
          break;
        case "fault":
          this.#fault({ code: notice.code, message: notice.message });
          break;
        case "log":
          console.debug(`[everfresh:${notice.part}]`, notice.text);
          break;
        case "mutation":
        case "run":
        case "cancel":
        case "queue":
          this.#mutations.hear(notice);
          break;
        default:
          for (const plugin of this.#plugins) plugin.hear(notice);
      }
    }
    for (const call of later) call();
  };

  #stale(invalidations: readonly Invalidation[], handled: boolean): void {
    this.#caches.invalidate(invalidations, handled);
    this.#invalidations.emit(invalidations);
  }

  #changeUser(change: UserChange, clear: boolean): void {
    this.#fenced = change === "fenced";
    if (clear || change === "back") this.#caches.clear(change !== "fenced");
    this.#users.emit(change);
  }

  /** Runs the route of an event where that is a function, and tells the engine what it answered. */
  #follow(event: LiveEvent): void {
    const route = this.#routes.get(event.name);
    if (route === undefined) return;
    const path = `events.${event.name}`;
    let families: unknown;
    try {
      families = route(event.data, event);
    } catch (cause) {
      this.#faultOf(new EverfreshError("route-threw", `the route \`${path}\` threw`, { path, cause }));
      return;
    }
    try {
      const keys = parseFamilies(families, path);
      if (keys.length > 0) this.#command({ do: "invalidate", keys });
    } catch (cause) {
      this.#faultOf(new EverfreshError("route-invalid", (cause as Error).message, { path, cause }));
    }
  }

  #listenerThrew(cause: unknown): void {
    this.#faultOf(new EverfreshError("listener-threw", "a function of the app threw", { cause }));
  }

  #faultOf(error: EverfreshError): void {
    this.#fault({ code: error.code, message: error.message, error });
  }

  #fault(fault: Fault): void {
    if (this.#faults.size > 0) this.#faults.emit(fault);
    // What an app's own function threw is shown as it is, with its own stack.
    else reportUncaught(fault.code === "listener-threw" ? fault.error?.cause : (fault.error ?? faultError(fault)));
  }
}

/** Everything that makes two instances different, except functions, which differ every time they are written. */
function shapeOf({ config, routes, domEvents, layers }: ParsedOptions): string {
  return JSON.stringify([config, [...routes.keys()], domEvents, layers]);
}

function toError(cause: unknown): EverfreshError {
  if (cause instanceof EverfreshError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new EverfreshError("core-crashed", message, { cause });
}

function faultError(fault: Fault): Error {
  return new Error(`everfresh: ${fault.message} (${fault.code})`);
}
