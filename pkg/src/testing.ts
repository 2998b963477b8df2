import { init, loadCore } from "./loader.js";
import type { CoreClass } from "./loader.js";
import { Live } from "./live.js";
import { parseOptions } from "./options.js";
import { FakeLocks, FakeStorage, channelClass } from "./testing/browser.js";
import { FakeClock, chance } from "./testing/clock.js";
import { pageGlobals, replace } from "./testing/globals.js";
import { FakeServer } from "./testing/server.js";
import type { AnyMutation, Everfresh, EverfreshOptions, Fault, Violation } from "./types.js";

export type { FakeStorage } from "./testing/browser.js";
export type { FakeClock } from "./testing/clock.js";
export type { FakeRooms, Shows } from "./testing/rooms.js";
export type { FakeServer, Received } from "./testing/server.js";

/** What {@link createWorld} takes. */
export interface WorldOptions {
  /** Decides all chance, so that a run is the same again. */
  seed?: number;
  /** The wall clock's first moment, in milliseconds since 1970. */
  now?: number;
  /** Answers what the app asks for by `fetch`. The server's own address is answered by the server. */
  fetch?: (request: Request) => Response | PromiseLike<Response>;
  /** The WebAssembly file, where it does not lie beside this module. */
  wasm?: BufferSource;
}

/**
 * Something that goes wrong, or right again.
 *
 * - `cut`: every connection breaks. `down`: and the server cannot be reached, until `up`.
 * - `silent`: the messages of connections get through no more, and nobody closes them, until `up`.
 * - `restart`: the server forgets every event and position.
 * - `offline`, `online`: the browser says that it has no network, and has none.
 * - `hide`, `show`: nobody sees the page.
 * - `storage-full`, `storage-free`: what is written into `localStorage` is refused.
 * - `{ sleep }`: the machine sleeps for so long: only the wall clock goes on.
 * - a function: whatever it does, such as an event of the server.
 */
export type Trouble =
  | "cut"
  | "down"
  | "up"
  | "silent"
  | "restart"
  | "offline"
  | "online"
  | "hide"
  | "show"
  | "storage-full"
  | "storage-free"
  | { readonly sleep: number }
  | ((world: World) => void | Promise<void>);

/** Steps of a script: how long to wait, and then what happens. */
export type Script = readonly (readonly [wait: number, what: Trouble])[];

/** A browser and a server in virtual time. One at a time. */
export interface World {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly localStorage: FakeStorage;
  /** What went wrong in any tab without stopping it. */
  readonly faults: readonly Fault[];
  /** The contracts that were broken in any tab. */
  readonly violations: readonly Violation[];
  /**
   * Opens a tab with these options, and gives its instance when it is connected, or after ten seconds. What the app
   * makes by `createEverfresh` itself is in this world too, as one tab.
   */
  tab<Events extends object = Record<string, unknown>, Mutations extends object = Record<string, AnyMutation>, Contracts extends string = string>(
    options?: Partial<EverfreshOptions<Events, Mutations, Contracts>>,
  ): Promise<Everfresh<Events, Mutations, Contracts>>;
  /**
   * A tab is gone from one moment to the next, as one that crashed: it says nothing more, and the browser gives its
   * locks and connections back. What it has to keep is in the storage.
   */
  crash(tab: Everfresh<any, any, any>): void;
  /** Has things go wrong, one after the other. */
  play(script: Script): Promise<void>;
  /** Moves on until something is so, a hundred milliseconds at a time; false if it is not within the time. */
  until(condition: () => boolean, within?: number): Promise<boolean>;
  /** Closes every tab and gives the globals back. */
  end(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where the server is, unless a tab is told otherwise. */
const SERVER_PATH = "/live";

let there: World | undefined;

/**
 * Puts the page of this process into a world in which time, network, storage and chance are the test's: with the real
 * engine against a model of a server. Runs in plain Node, under any test runner.
 *
 * ```ts
 * const world = await createWorld();
 * const live = await world.tab({ contracts: { tasks: { key: "tasks", maxAge: 60_000 } } });
 * await world.play([[1000, "down"], [0, "cut"], [30_000, "up"]]);
 * assert.deepEqual(world.violations, []);
 * await world.end();
 * ```
 */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  await init({ bytes: options.wasm ?? moduleBytes });
  const Core = await loadCore();
  // After these, so that of two calls one is refused.
  if (there) throw new Error("everfresh/testing: a world is there already: end() it first");
  return (there = build(options, Core));
}

function build({ seed = 1, now = 1_800_000_000_000, fetch }: WorldOptions, Core: CoreClass): World {
  const [clock, server, localStorage, random] = [new FakeClock(now), new FakeServer(), new FakeStorage(), chance(seed)];
  const undo = [clock.install()];
  if (typeof document !== "object") undo.push(replace(pageGlobals()));
  // Whether it is seen is the world's to say.
  const { visibilityState, hidden } = document;
  undo.push(replace({ visibilityState, hidden }, document));
  undo.push(
    replace({
      WebSocket: server.socketClass(),
      BroadcastChannel: channelClass(),
      localStorage,
      sessionStorage: new FakeStorage(),
      navigator: { onLine: true, locks: new FakeLocks() },
      fetch: (input: string | URL | Request, init?: RequestInit) => {
        const url = input instanceof Request ? input : new URL(input, document.baseURI);
        return request(server, new Request(url, init), fetch);
      },
    }),
    replace({ random }, Math),
    replace({ getRandomValues: (array: Uint8Array) => (array.forEach((_, at) => (array[at] = random() * 2 ** 32)), array) }, crypto),
  );
  const open = new Set<Live>();
  /** The engine of each tab. */
  const engines = new Map<unknown, InstanceType<CoreClass>>();
  let started: InstanceType<CoreClass> | undefined;
  const { start } = Core.prototype;
  undo.push(
    replace(
      {
        start(this: InstanceType<CoreClass>) {
          started = this;
          start.call(this);
        },
      },
      Core.prototype,
    ),
  );
  const [faults, violations]: [Fault[], Violation[]] = [[], []];
  let tabs = 0;

  const world: World = {
    clock,
    server,
    localStorage,
    faults,
    violations,
    tab: async (more) => {
      tabs += 1;
      const parsed = parseOptions({ user: "user", backend: { kind: "everfresh", url: SERVER_PATH, ladder: ["ws"] }, ...more } as EverfreshOptions, document.baseURI);
      const live = new Live(parsed, () => open.delete(live));
      open.add(live);
      live.onFault((fault) => faults.push(fault));
      live.onViolation((violation) => violations.push(violation));
      await live.ready;
      if (started) engines.set(live, started);
      await world.until(() => live.getSnapshot().status === "connected");
      return live as unknown as Everfresh<any, any, any>;
    },
    crash: (tab) => {
      const engine = engines.get(tab);
      if (engine === undefined) throw new Error("everfresh/testing: that is no tab of this world");
      engines.delete(tab);
      // An engine that throws what it never would is given up where it stands.
      engine.explain = () => {
        throw new Error("crashed by the test");
      };
      const told = faults.length;
      tab.explain("");
      faults.length = told;
      tab.close();
    },
    play: async (script) => {
      for (const [wait, what] of script) {
        if (wait > 0) await clock.advance(wait);
        await happen(world, what);
        await clock.settle();
      }
    },
    until: async (condition, within = 10_000) => {
      for (let waited = 0; !condition(); waited += 100) {
        if (waited >= within) return false;
        await clock.advance(100);
      }
      return true;
    },
    end: async () => {
      if (there !== world) return;
      for (const live of open) live.close();
      // What they say in parting, and the end of their locks.
      await clock.advance(100);
      for (const back of undo.reverse()) back();
      there = undefined;
    },
    [Symbol.asyncDispose]: () => world.end(),
  };
  return world;
}

async function happen(world: World, what: Trouble): Promise<void> {
  const { server } = world;
  if (typeof what === "function") return what(world);
  if (typeof what === "object") return world.clock.sleep(what.sleep);
  switch (what) {
    case "cut":
      return server.cut();
    case "restart":
      return server.restart();
    case "down":
      server.up = false;
      return server.cut();
    case "up":
      server.up = true;
      server.silent = false;
      return;
    case "silent":
      server.silent = true;
      return;
    case "offline":
    case "online":
      server.up = what === "online";
      if (what === "offline") server.cut();
      Object.assign(navigator, { onLine: what === "online" });
      window.dispatchEvent(new Event(what));
      return;
    case "hide":
    case "show":
      Object.assign(document, { visibilityState: what === "hide" ? "hidden" : "visible", hidden: what === "hide" });
      document.dispatchEvent(new Event("visibilitychange"));
      return;
    case "storage-full":
    case "storage-free":
      world.localStorage.full = what === "storage-full";
  }
}

/** Everything that is asked for by HTTP goes over the same network. */
async function request(server: FakeServer, asked: Request, answer: WorldOptions["fetch"]): Promise<Response> {
  await new Promise((resolve) => setTimeout(resolve, 4));
  asked.signal.throwIfAborted();
  if (!server.up) throw new TypeError(`no network: ${asked.url}`);
  // Whoever looks for a server that does not answer on its socket asks for its address.
  if (new URL(asked.url).pathname.startsWith(SERVER_PATH)) {
    return new Response('{"t":"alive"}', { headers: { "content-type": "application/json" } });
  }
  return answer ? answer(asked) : new Response(null, { status: 404 });
}

async function moduleBytes(): Promise<Uint8Array<ArrayBuffer>> {
  // Not by its name, because a page's bundler would look for it.
  const files = (await import(["node", "fs/promises"].join(":"))) as { readFile(path: URL): Promise<Uint8Array<ArrayBuffer>> };
  return files.readFile(new URL("./wasm/everfresh_bg.wasm", import.meta.url));
}
