import { notJson } from "../keys.js";
import type { Everfresh, QueryKey } from "../types.js";
import type { QueryLike } from "./client.js";

/** How results are shared with the other tabs of the browser. */
export interface ShareOptions {
  /**
   * The largest result that is shared, in bytes of JSON. By default 512 KB: a slow phone writes or reads that within
   * some 20 ms, and every tab that shows it reads it. What is larger is fetched by each tab.
   */
  maxBytes?: number;
  /**
   * How long a tab waits for another one's answer before it fetches by itself, in milliseconds. By default 5000. A tab
   * that is closed or crashes ends the wait at once; what is left is one that was frozen, or whose fetch hangs.
   */
  waitMs?: number;
  /** Another one for each release whose data has another form: tabs share only with tabs of the same. */
  buster?: string;
  /** Which queries; all by default. Leave out what is different in each tab though its key is the same. */
  only?: (key: QueryKey) => boolean;
}

const MAX_BYTES = 512 * 1024;
const WAIT_MS = 5000;
/**
 * How long a tab listens for others that want the same before it fetches: an event reaches all tabs within a few
 * milliseconds, and whoever asked before the fetch began can use its result.
 */
const LISTEN_MS = 10;
/** More than a browser has tabs that show one query. */
const MAX_OTHERS = 1000;

type Message =
  /** Somebody wants a result that is read from now on. */
  | { key: string; ask: number }
  /** The result for those who had asked before it was read; none if it cannot be shared. */
  | { key: string; for: Set<number>; data: string | undefined };

/** A fetch of this tab that another one may answer. */
interface Asked {
  /** Its number, which is chance: no other tab has the same. */
  readonly ask: number;
  readonly query: QueryLike;
  /** Who else wants it, and had said so before it was read. */
  readonly others: Set<number>;
  /** Whether it is answered, here or there. */
  over: boolean;
  readonly run: () => Promise<unknown>;
  /** Ends the wait with what this gives, or, for a fetch that the cache has given up, with nothing. */
  readonly end: (give?: () => unknown) => void;
}

/** A channel and the person whose tabs it joins. */
interface Line {
  readonly channel: BroadcastChannel;
  readonly user: string | null;
}

/**
 * One request a browser. A fetch asks the other tabs, queues for the lock of its key, and whoever has the lock
 * fetches: for itself, and for all that had asked before its fetch began. So a result is never older than the fetch
 * that it answers, which is all that the engine has to know. A lock goes on by itself when its tab is gone.
 *
 * What fails is not shared: each tab needs an error of its own, and the next one in the queue tries by itself.
 */
export class Share {
  readonly #live: Everfresh<any, any, any>;
  readonly #options: ShareOptions;
  readonly #asked = new Map<string, Asked>();
  /** Queries whose results cannot be shared. */
  readonly #unfit = new WeakSet<QueryLike>();
  #line: Line | undefined;
  readonly #away = () => this.close(false);

  constructor(live: Everfresh<any, any, any>, options: ShareOptions) {
    this.#live = live;
    this.#options = options;
    addEventListener("pagehide", this.#away);
  }

  end(): void {
    removeEventListener("pagehide", this.#away);
    this.close(false);
  }

  /** A fetch of a query begins: what it does is decided when it runs. */
  begins(query: QueryLike, { text }: { readonly text: string | undefined }): void {
    if (text === undefined) return;
    // Not of infinite queries, which have the pages that their tab has: they ask for it before they begin.
    query.options.persister ??= Object.assign(
      (run: (context: any) => unknown, context: unknown) => this.#fetch(query, text, async () => run(context)),
      { share: this },
    );
  }

  /** A fetch of a query is over. */
  over({ options }: QueryLike, { text }: { readonly text: string | undefined }): void {
    if (options.persister?.share === this) delete options.persister;
    if (text !== undefined) this.#asked.get(text)?.end();
  }

  /** Says and hears nothing more. What waits is fetched here, or dropped with the data of a person who is gone. */
  close(drop: boolean): void {
    this.#line?.channel.close();
    this.#line = undefined;
    for (const asked of this.#asked.values()) drop ? asked.end() : asked.end(asked.run);
    this.#asked.clear();
  }

  #fetch(query: QueryLike, text: string, run: () => Promise<unknown>): unknown {
    const { only, waitMs = WAIT_MS } = this.#options;
    if (this.#live.getSnapshot().tabs < 2 || this.#unfit.has(query) || only?.(query.queryKey) === false) return run();
    const line = this.#open();
    // An app that asks again while it is fetched here does not wait for the first fetch.
    if (!line || this.#asked.has(text)) return run();
    return new Promise((resolve) => {
      const waits = new AbortController();
      const forget = () => this.#asked.get(text) === asked && this.#asked.delete(text);
      const end = (give?: () => unknown) => {
        if (asked.over) return;
        asked.over = true;
        clearTimeout(timer);
        waits.abort();
        forget();
        if (give) resolve(give());
      };
      const asked: Asked = { ask: Math.random(), query, others: new Set(), over: false, run, end };
      const timer = setTimeout(end, waitMs, run);
      this.#asked.set(text, asked);
      line.channel.postMessage({ key: text, ask: asked.ask } satisfies Message);
      const turn = async () => {
        await listen();
        if (asked.over) return;
        const result = run();
        end(() => result);
        this.#asked.set(text, asked);
        // A fetch that hangs must not hold up the others for ever.
        await Promise.race([this.#give(line, text, asked, result), new Promise((late) => setTimeout(late, waitMs))]);
        forget();
        // A lock is faster than a message: those who are answered have to know it before it is their turn.
        await listen();
      };
      navigator.locks.request(`${line.channel.name} ${text}`, { signal: waits.signal }, turn).catch(() => end(run));
    });
  }

  /** Gives a result to those who wait for it. */
  async #give(line: Line, key: string, { query, others }: Asked, result: Promise<unknown>): Promise<void> {
    const data = await result.catch(() => this);
    // Another person may be there by now.
    if (data === this || others.size === 0 || this.#open() !== line) return;
    const text = this.#written(data);
    if (text === undefined) this.#unfit.add(query);
    line.channel.postMessage({ key, for: others, data: text } satisfies Message);
  }

  #written(data: unknown): string | undefined {
    if (notJson(data, "") !== undefined) return undefined;
    const text = JSON.stringify(data);
    const { maxBytes = MAX_BYTES } = this.#options;
    return new TextEncoder().encode(text).length <= maxBytes ? text : undefined;
  }

  #open(): Line | undefined {
    const { user } = this.#live;
    if (this.#line?.user !== user) this.close(true);
    if (this.#line || user === undefined) return this.#line;
    const channel = new BroadcastChannel(`everfresh:share:${hash(JSON.stringify([this.#live.name, user, this.#options.buster]))}`);
    const line = { channel, user };
    channel.addEventListener("message", ({ data }) => this.#hear(line, data as Message));
    return (this.#line = line);
  }

  #hear(line: Line, message: Message): void {
    const asked = this.#asked.get(message.key);
    if (!asked || asked.over || this.#open() !== line) return;
    if ("ask" in message) return void (asked.others.size < MAX_OTHERS && asked.others.add(message.ask));
    for (const ask of message.for) asked.others.delete(ask);
    if (!message.for.has(asked.ask)) return;
    const { data } = message;
    if (data === undefined) this.#unfit.add(asked.query);
    asked.end(data ? () => JSON.parse(data) : asked.run);
  }
}

/** Long enough to hear what other tabs said in this moment. */
async function listen(): Promise<void> {
  if (!document.hidden) return new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  // A timer of a hidden page may come a minute late. A message does not.
  const name = `everfresh:${Math.random()}`;
  const [near, far] = [new BroadcastChannel(name), new BroadcastChannel(name)];
  for (const end = performance.now() + LISTEN_MS; performance.now() < end; ) {
    const heard = new Promise((resolve) => far.addEventListener("message", resolve, { once: true }));
    near.postMessage(0);
    await heard;
  }
  near.close();
  far.close();
}

/** FNV-1a, as the engine names what is a person's: who sees the names does not see the person. */
function hash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return `${hash}`;
}
