import { inFamily } from "./keys.js";
import type { CoreClass } from "./loader.js";
import type { Command } from "./notices.js";
import { IDLE } from "./snapshot.js";
import type { ContractOptions, QueryKey } from "./types.js";
import type { Core, Host } from "./wasm/everfresh.js";

/** How often what events would have told of is looked after, while somebody sees the page. */
const EVERY_MS = 30_000;
/** The interval of a contract that follows the health of a connection, where there is none. */
const DOWN_MS = 5_000;
/** Between two runs of a mutation that failed for a reason that may pass: full jitter up to this, doubled each time. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How long the server may ask to be left alone. */
const RETRY_AFTER_MAX_MS = 15 * 60_000;

interface Config {
  user: string | null;
  channels?: string[];
  events: Record<string, QueryKey[] | { keys: QueryKey[] }>;
  contracts: Record<string, Omit<ContractOptions, "key"> & { key: QueryKey }>;
}

/** Something that is looked after now and then. */
interface Watch {
  readonly keys: readonly QueryKey[];
  readonly every: number | undefined;
  /** Also while nobody sees the page. */
  readonly hidden: boolean;
  readonly contract: string | undefined;
  enabled: boolean;
  watchers: number;
  last: number;
}

interface Waiting {
  readonly draft: Extract<Command, { do: "mutate" }>;
  readonly id: string;
  readonly lane: string;
  attempts: number;
  running: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * What takes the engine's place where WebAssembly is forbidden or unknown: it polls, and does mutations
 * while the page is open. No sockets, no other tabs, nothing stored; its status is `degraded`, and says why.
 */
export function fallbackCore(reason: string): CoreClass {
  return class Fallback implements Core {
    readonly #config: Config;
    readonly #host: Host;
    readonly #watches: Watch[];
    readonly #channels = new Map<string, number>();
    readonly #active = new Map<string, QueryKey>();
    readonly #queue: Waiting[] = [];
    readonly #since = Date.now();
    readonly #tab = crypto.getRandomValues(new Uint32Array(2)).reduce((text, part) => text + part.toString(16).padStart(8, "0"), "");
    #count = 0;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #started = false;

    constructor(config: string, host: Host) {
      this.#config = JSON.parse(config) as Config;
      this.#host = host;
      const { channels = [], events, contracts } = this.#config;
      for (const channel of channels) this.#channels.set(channel, 1);
      const common = { enabled: true, watchers: 0, last: 0 };
      const routed = Object.values(events).flatMap((route) => (Array.isArray(route) ? route : route.keys));
      this.#watches = Object.entries(contracts).map(([contract, { key, enabled, ...rest }]) => ({
        ...common,
        keys: [key],
        every: intervalOf(rest),
        hidden: rest.hidden === "continue",
        contract,
        enabled: enabled !== false,
      }));
      if (routed.length > 0) {
        this.#watches.push({ ...common, keys: routed.map(fixedPart), every: EVERY_MS, hidden: false, contract: undefined, watchers: 1 });
      }
    }

    start(): void {
      this.#started = true;
      for (const watch of this.#watches) watch.last = Date.now();
      document.addEventListener("visibilitychange", this.#look);
      addEventListener("online", this.#look);
      this.#look();
    }

    close(): void {
      this.#started = false;
      clearTimeout(this.#timer);
      document.removeEventListener("visibilitychange", this.#look);
      removeEventListener("online", this.#look);
      for (const { timer } of this.#queue.splice(0)) clearTimeout(timer);
    }

    free(): void {
      this.close();
    }

    abandon(): void {
      this.close();
    }

    explain(): undefined {}

    journal(): string {
      return '{"dropped":0,"entries":[]}';
    }

    history(): string {
      return "null";
    }

    recording(): undefined {}

    snapshot(): string {
      return JSON.stringify({
        ...IDLE,
        status: "degraded",
        reason: `polling only: ${reason}`,
        since: this.#since,
        role: "alone",
        alone: "fallback",
        tab: this.#tab,
        channels: [...this.#channels.keys()].map((channel) => ({ channel, state: "waiting" })),
        queue: {
          ...IDLE.queue,
          state: this.#queue.length > 0 ? "sending" : "idle",
          count: this.#queue.length,
          inFlight: this.#queue.filter(({ running }) => running).length,
        },
      });
    }

    command(text: string): void {
      const command = JSON.parse(text) as Command;
      switch (command.do) {
        case "invalidate":
          this.#stale(command.keys, { why: "app" });
          break;
        case "applied":
          if (command.stale.length > 0) this.#stale(command.stale, { why: "app" });
          break;
        case "fetch":
          if (command.phase === "observe" && command.active) this.#active.set(JSON.stringify(command.key), command.key);
          else if (command.phase === "observe" || command.phase === "remove") this.#active.delete(JSON.stringify(command.key));
          this.#look();
          break;
        case "watch":
        case "unwatch": {
          const count = (this.#channels.get(command.channel) ?? 0) + (command.do === "watch" ? 1 : -1);
          if (count > 0) this.#channels.set(command.channel, count);
          else this.#channels.delete(command.channel);
          this.#status();
          break;
        }
        case "watchContract":
        case "unwatchContract":
        case "enableContract":
        case "disableContract":
        case "refreshContract":
          this.#contract(command.do, command.contract);
          break;
        case "user":
          for (const { draft, id, timer } of this.#queue.splice(0)) {
            clearTimeout(timer);
            this.#tell({ type: "mutation", state: "detached", call: draft.id, id });
          }
          this.#tell({ type: "user", change: "switched", clear: true });
          this.#status();
          break;
        case "mutate":
          this.#accept(command);
          break;
        case "done":
          this.#done(command.id, command.attempt, command.outcome as Outcome);
          break;
        case "logged-in":
          for (const waiting of this.#queue) this.#runSoon(waiting, 0);
          break;
        case "queue":
          this.#answer(command);
          break;
      }
    }

    #contract(what: string, name: string): void {
      const watch = this.#watches.find(({ contract }) => contract === name);
      if (watch === undefined) {
        this.#tell({ type: "fault", code: "limit", message: "there is no contract of this name" });
      } else if (what === "watchContract") watch.watchers += 1;
      else if (what === "unwatchContract") watch.watchers -= 1;
      else if (what === "refreshContract") this.#poll(watch, "asked");
      else watch.enabled = what === "enableContract";
      this.#look();
    }

    /** Polls what is due, and plans the next look. */
    readonly #look = (): void => {
      clearTimeout(this.#timer);
      if (!this.#started) return;
      const seen = document.visibilityState !== "hidden";
      const now = Date.now();
      let next = Infinity;
      for (const watch of this.#watches) {
        if (!watch.enabled || watch.every === undefined || !(seen || watch.hidden) || !this.#isWatched(watch)) continue;
        // A clock that was set back must not end the polling.
        const age = now - watch.last;
        if ((age < 0 || age >= watch.every) && navigator.onLine !== false) this.#poll(watch, "poll");
        next = Math.min(next, watch.last + watch.every - now);
      }
      if (next < Infinity) this.#timer = setTimeout(this.#look, Math.max(next, 1000));
    };

    #isWatched({ watchers, keys }: Watch): boolean {
      return watchers > 0 || [...this.#active.values()].some((key) => keys.some((family) => inFamily(key, family)));
    }

    #poll(watch: Watch, why: string): void {
      watch.last = Date.now();
      this.#stale(watch.keys, watch.contract === undefined ? { why } : { why, contract: watch.contract });
    }

    #accept(draft: Waiting["draft"]): void {
      this.#count += 1;
      const id = this.#count.toString(16).padStart(16, "0") + this.#tab;
      const lane = typeof draft["lane"] === "string" ? draft["lane"] : "default";
      this.#queue.push({ draft, id, lane, attempts: 0, running: false, timer: undefined });
      this.#tell({ type: "mutation", state: "accepted", call: draft.id, id, durable: false });
      this.#runNext(lane);
    }

    /** Runs the first of a lane, unless it runs or waits. */
    #runNext(lane: string): void {
      const first = this.#queue.find((waiting) => waiting.lane === lane);
      if (first !== undefined && !first.running && first.timer === undefined) this.#run(first);
      this.#status();
    }

    #run(waiting: Waiting): void {
      const { draft, id, lane } = waiting;
      waiting.timer = undefined;
      waiting.running = true;
      waiting.attempts += 1;
      const stamp = `${Date.now().toString(16).padStart(12, "0")}${id}`;
      const context = { version: draft["version"] ?? 0, lane, idempotencyKey: id, attempt: waiting.attempts, stamp, keepalive: false };
      this.#tell({ type: "run", id, name: draft.name, vars: draft.vars ?? null, ...context });
    }

    #done(id: string, attempt: number, outcome: Outcome): void {
      const at = this.#queue.findIndex((waiting) => waiting.id === id);
      const waiting = this.#queue[at];
      if (waiting === undefined || waiting.attempts !== attempt || !waiting.running) return;
      waiting.running = false;
      const { status = 0, class: word, data: body = null } = outcome;
      const passes = status === 429 || status === 408 || status === 425 || status >= 500 || /network|timeout|unclear/.test(word ?? "");
      if (!outcome.ok && (status === 401 || word === "auth")) {
        // Until a login.
        this.#runSoon(waiting, RETRY_AFTER_MAX_MS);
      } else if (!outcome.ok && passes) {
        const jitter = Math.random() * Math.min(RETRY_MS * 2 ** Math.min(waiting.attempts, 16), RETRY_MAX_MS);
        this.#runSoon(waiting, Math.min(Math.max(outcome.retryAfter ?? 0, jitter), RETRY_AFTER_MAX_MS));
      } else {
        this.#queue.splice(at, 1);
        const head = { type: "mutation", state: "settled", call: waiting.draft.id, id };
        if (outcome.ok) this.#tell({ ...head, end: "applied", result: body });
        else this.#tell({ ...head, end: "dead", why: status === 409 || status === 412 ? "conflict" : "rejected", status, body });
        this.#runNext(waiting.lane);
      }
    }

    #runSoon(waiting: Waiting, wait: number): void {
      if (waiting.running) return;
      clearTimeout(waiting.timer);
      waiting.timer = setTimeout(() => this.#run(waiting), wait);
    }

    #answer(question: Extract<Command, { do: "queue" }>): void {
      const { id: call, op, mutation } = question;
      const head = { type: "queue", call };
      const at = this.#queue.findIndex(({ id }) => id === mutation);
      if (op === "list") {
        const items = (question["of"] ?? "queue") === "queue" ? this.#queue : [];
        const shown = items.map(({ draft, id, lane, attempts, running }) => {
          return { id, name: draft.name, lane, vars: draft.vars ?? null, attempts, state: running ? "running" : "waiting" };
        });
        this.#tell({ ...head, ok: true, value: { items: shown, next: null } });
      } else if (op === "flush" || op === "retry") {
        for (const waiting of this.#queue) if (waiting.timer !== undefined) this.#runSoon(waiting, 0);
        this.#tell({ ...head, ok: true, value: 0 });
      } else if (op === "discard" && at >= 0 && !this.#queue[at]?.running) {
        const [gone] = this.#queue.splice(at, 1);
        clearTimeout(gone?.timer);
        this.#tell({ ...head, ok: true, value: mutation });
        this.#tell({ type: "mutation", state: "settled", call: gone?.draft.id, id: mutation, end: "resolved", how: "discarded" });
        this.#runNext(gone?.lane ?? "");
      } else {
        this.#tell({ ...head, ok: false, code: op === "discard" ? "not-there" : "bad" });
      }
    }

    #stale(keys: readonly QueryKey[], cause: object): void {
      this.#tell({ type: "invalidate", keys, cause, handled: false });
    }

    #status(): void {
      if (this.#started) this.#tell({ type: "status", snapshot: JSON.parse(this.snapshot()) as unknown });
    }

    #tell(notice: object): void {
      const batch = JSON.stringify([notice]);
      queueMicrotask(() => this.#host.deliver(batch));
    }
  };
}

/** How a run of the app's function ended. */
interface Outcome {
  ok: boolean;
  data?: unknown;
  class?: string;
  status?: number;
  retryAfter?: number;
}

function intervalOf({ poll, maxAge, manual }: Pick<ContractOptions, "poll" | "maxAge" | "manual">): number | undefined {
  if (manual || poll === false) return undefined;
  if (typeof poll === "number") return poll;
  if (poll === undefined) return maxAge;
  return (poll === "auto" ? undefined : poll.down) ?? DOWN_MS;
}

/** The part of a key that no payload decides. */
function fixedPart(key: QueryKey): QueryKey {
  const at = key.findIndex((element) => JSON.stringify(element).includes('"$') || inFamily(element, { $range: [] }));
  return at < 0 ? key : key.slice(0, at);
}
