import { canonical, inFamily, notJson } from "../keys.js";
import { retryAfter } from "../outcome.js";
import type { CacheAdapter, CacheConnection, CacheReport, Everfresh, Invalidation, LiveEvent, PendingEdit, QueryKey } from "../types.js";
import type { QueryCacheEventLike, QueryCacheLike, QueryClientLike, QueryLike } from "./client.js";
import { Edits } from "./edits.js";
import { Share } from "./share.js";
import type { ShareOptions } from "./share.js";
import type { Patch, Patches } from "../tanstack.js";

/** The engine takes no longer keys (bytes of JSON), and a character is three bytes at most. */
const LONGEST_KEY = 4096 / 3;
/** A fetch whose start was not seen may have begun this long ago. What happened since is fetched once more. */
const UNSEEN_FETCH_MS = 60_000;

/** What the engine knows of a query. */
interface Known {
  /** Its key as the engine writes it; none if the engine cannot take it. */
  readonly text: string | undefined;
  active: boolean;
  /** Since when it is fetched, as far as it was seen. */
  fetching: number | undefined;
  /** Something became stale while it was fetched, and the engine does not look after it. */
  owed: boolean;
  /** It is stale and nobody looks at it: only a fetch makes it fresh. */
  stale: boolean;
}

/** One cache on one instance. */
export class Attachment implements CacheAdapter {
  readonly #client: QueryClientLike;
  readonly #cache: QueryCacheLike;
  /** None while it is being made. */
  #line: CacheConnection | undefined;
  readonly #edits: Edits;
  readonly #patches: Patches;
  readonly #version: ((data: unknown, key: QueryKey) => string | number | undefined) | undefined;
  readonly #share: Share | undefined;
  readonly #ends: (() => void)[] = [];
  readonly #known = new Map<QueryLike, Known>();
  readonly #byText = new Map<string, QueryLike>();
  /** Queries that an event has brought up to date by itself. */
  readonly #patched = new Set<QueryLike>();
  /** Whether the engine looks after this cache. */
  #open = false;

  constructor(
    live: Everfresh<any, any, any>,
    client: QueryClientLike,
    options: { patch?: Patches; version?: (data: unknown, key: QueryKey) => string | number | undefined; share?: boolean | ShareOptions },
  ) {
    this.#client = client;
    this.#cache = client.getQueryCache();
    this.#edits = new Edits(this.#cache, (error) => this.#line?.threw(error));
    this.#patches = options.patch ?? {};
    this.#version = options.version;
    const { share } = options;
    // Without Web Locks nobody knows whose turn it is.
    if (share && typeof document === "object" && navigator.locks) this.#share = new Share(live, share === true ? {} : share);
    for (const query of this.#cache.getAll()) this.#meet(query);
    // The engine hands out only events that somebody listens to.
    for (const name of Object.keys(this.#patches)) this.#ends.push(live.on(name, () => {}));
    this.#ends.push(this.#cache.subscribe((event) => this.#hear(event)));
    this.#line = live.adapt(this);
    this.#ends.push(() => this.#line?.end());
  }

  end(): void {
    // Whoever comes after begins anew: the engine must not look after queries that nobody reports.
    this.#share?.end();
    for (const [query, known] of this.#known) {
      this.#share?.over(query, known);
      this.#report(known, { phase: "remove" });
    }
    for (const end of this.#ends.splice(0)) end();
    this.#edits.undo();
    this.#known.clear();
    this.#byText.clear();
  }

  opened(): void {
    this.#open = true;
    for (const [query, known] of this.#known) {
      known.active = false;
      this.#look(query, known, true);
      if (query.state.fetchStatus === "idle") continue;
      const age = known.fetching === undefined ? UNSEEN_FETCH_MS : Date.now() - known.fetching;
      this.#report(known, { phase: "start", age: Math.max(age, 0) });
    }
  }

  invalidate(invalidations: readonly Invalidation[], handled: boolean): void {
    const mine = (known: Known) => !handled || known.text === undefined;
    if (handled && this.#byText.size === this.#known.size) return;
    const prefixes = [...new Map(invalidations.flatMap(({ keys }) => keys.map((key) => [canonical(key), key]))).values()];
    const stale = new Set<QueryLike>();
    for (const [query, known] of this.#known) {
      if (!mine(known) || !prefixes.some((prefix) => inFamily(query.queryKey, prefix))) continue;
      stale.add(query);
      if (query.state.fetchStatus === "fetching") known.owed = true;
    }
    this.#invalidate(stale);
  }

  refetch(keys: readonly QueryKey[]): void {
    const due = new Set(this.#queries(keys).filter((query) => !this.#patched.has(query) && query.state.fetchStatus === "idle"));
    // One call for all of them: TanStack Query batches what one call changes into one notification. The
    // promise is of the fetches, whose errors are the queries' own and are never thrown from here.
    if (due.size > 0) void this.#client.refetchQueries({ predicate: (query) => due.has(query) }, { cancelRefetch: false });
  }

  lost(keys: readonly QueryKey[]): void {
    // One that waits for the network or for its next try does not hang.
    const hung = new Set(this.#queries(keys).filter((query) => query.state.fetchStatus === "fetching"));
    if (hung.size === 0) return;
    const predicate = (query: QueryLike) => hung.has(query);
    // A first load too: `cancelRefetch` would leave that one alone.
    void this.#client.cancelQueries({ predicate }).then(() => {
      for (const query of hung) query.invalidate();
      return this.#client.refetchQueries({ predicate, type: "active" }, { cancelRefetch: false });
    });
  }

  stale(keys: readonly QueryKey[]): void {
    for (const query of this.#queries(keys)) {
      const known = this.#known.get(query);
      if (known) known.stale = true;
      query.invalidate();
    }
  }

  event(event: LiveEvent): void {
    const patch = this.#patches[event.name];
    if (patch === undefined) return;
    try {
      for (const one of [patch(event.data, event) ?? []].flat() as Patch[]) this.#patch(one);
    } catch (error) {
      this.#line?.threw(error);
    }
    // The engine's word on what this event made stale is in the same batch.
    queueMicrotask(() => this.#patched.clear());
  }

  clear(refetch: boolean): void {
    this.#edits.clear();
    this.#share?.close(true);
    this.#client.getMutationCache().clear();
    for (const query of this.#cache.getAll()) {
      if (query.isActive()) query.reset();
      else this.#cache.remove(query);
    }
    if (refetch) void this.#client.refetchQueries({ type: "active" });
  }

  show(edit: PendingEdit): void {
    this.#edits.show(edit);
  }

  settle(edit: PendingEdit, result: { readonly answer: unknown } | undefined): readonly QueryKey[] {
    return this.#edits.settle(edit, result);
  }

  #queries(keys: readonly QueryKey[]): QueryLike[] {
    return keys.flatMap((key) => this.#byText.get(canonical(key)) ?? []);
  }

  #meet(query: QueryLike): Known {
    const key = query.queryKey;
    let text = notJson(key, "") === undefined ? canonical(key) : undefined;
    // Two queries of one key are possible, by a hash of the app's own. The engine knows one.
    if (text !== undefined && (text.length > LONGEST_KEY || this.#byText.has(text))) text = undefined;
    const known: Known = { text, active: false, fetching: undefined, owed: false, stale: false };
    this.#known.set(query, known);
    if (text !== undefined) this.#byText.set(text, query);
    return known;
  }

  #hear({ type, query, action }: QueryCacheEventLike): void {
    if (this.#edits.writing) return;
    const fresh = !this.#known.has(query);
    const known = this.#known.get(query) ?? this.#meet(query);
    if (type === "removed") {
      this.#known.delete(query);
      if (known.text !== undefined) this.#byText.delete(known.text);
      this.#share?.over(query, known);
      this.#edits.left(query, true);
      this.#report(known, { phase: "remove" });
      return;
    }
    if (type === "updated") this.#update(query, known, action ?? { type: "" });
    else this.#look(query, known, fresh);
  }

  /** Says whether somebody looks at a query, where that is new. */
  #look(query: QueryLike, known: Known, first: boolean): void {
    const active = query.isActive() && !query.isStatic?.();
    if (active === known.active && !first) return;
    known.active = active;
    if (!active) this.#edits.left(query, false);
    const { data, dataUpdatedAt } = query.state;
    const age = data === undefined || !first ? {} : { age: Math.max(Date.now() - dataUpdatedAt, 0) };
    this.#report(known, { phase: "observe", active, ...age });
  }

  #update(query: QueryLike, known: Known, action: NonNullable<QueryCacheEventLike["action"]>): void {
    const { fetchStatus, data } = query.state;
    switch (action.type) {
      case "fetch":
        known.fetching = Date.now();
        this.#share?.begins(query, known);
        this.#edits.started(query);
        this.#report(known, { phase: "start" });
        return;
      case "success":
        if (action.manual) {
          this.#edits.wrote(query);
          // Writing took the mark of staleness, and says nothing of what the server has.
          if (known.stale) query.invalidate();
        } else {
          known.stale = false;
          const version = this.#version?.(data, query.queryKey);
          this.#edits.arrived(query);
          this.#over(query, known, version === undefined ? { phase: "success" } : { phase: "success", version });
        }
        return;
      case "error": {
        const error = (action.error ?? {}) as { headers?: unknown; response?: { headers?: unknown } };
        const wait = retryAfter(error.headers ?? error.response?.headers);
        this.#over(query, known, wait === undefined ? { phase: "failure" } : { phase: "failure", retryAfter: wait });
        return;
      }
      case "setState":
        if (known.fetching !== undefined && fetchStatus === "idle") {
          const { owed } = known;
          this.#over(query, { ...known, owed: false }, { phase: "cancel" });
          known.fetching = undefined;
          known.owed = false;
          // The app cancelled the fetch, most often to show an optimistic value: a refetch now would
          // overwrite that. But cancelling also took the mark of staleness back, so it is set again.
          if (owed) query.invalidate();
        }
    }
  }

  /** A fetch ended. */
  #over(query: QueryLike, known: Known, report: CacheReport): void {
    known.fetching = undefined;
    this.#share?.over(query, known);
    this.#report(known, report);
    if (!known.owed) return;
    known.owed = false;
    // After the call that told of the end: the query is not done with its own bookkeeping before that.
    queueMicrotask(() => this.#invalidate(new Set([query])));
  }

  #invalidate(queries: ReadonlySet<QueryLike>): void {
    if (queries.size === 0) return;
    void this.#client.invalidateQueries({ predicate: (query) => queries.has(query) }, { cancelRefetch: false });
  }

  #report({ text }: Known, report: CacheReport): void {
    if (!this.#open || text === undefined) return;
    // A key that came as JSON goes as JSON.
    this.#line?.report(JSON.parse(text) as QueryKey, report);
  }

  #patch({ key, update, version }: Patch): void {
    for (const [query, known] of this.#known) {
      if (!inFamily(query.queryKey, key) || !this.#edits.patch(query, update)) continue;
      // A fetch that runs may bring older data, and is followed by another.
      if (version === undefined || query.state.fetchStatus !== "idle") continue;
      this.#patched.add(query);
      this.#report(known, { phase: "success", version });
    }
  }
}
