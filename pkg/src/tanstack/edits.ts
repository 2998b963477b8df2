import { inFamily } from "../keys.js";
import type { PendingEdit, QueryKey } from "../types.js";
import type { QueryCacheLike, QueryLike } from "./client.js";

type Part = PendingEdit["parts"][number];

/** A change that is shown before the server's data has it. */
interface Shown {
  readonly edit: PendingEdit;
  readonly part: Part;
  /** Queries that need it no more: their data has it, or the app wrote data of its own. */
  readonly over: WeakSet<QueryLike>;
  /** After the server's answer: the queries whose next fetch shows it. */
  waits: Set<QueryLike> | undefined;
  /** A fetch that starts later has it. */
  since: number;
}

/**
 * Changes that are shown before the server's data has them. What the server sent is kept beside what is
 * shown, and the changes are made anew on newer data: they neither flicker when it comes, nor leave a trace
 * when one of them is taken back.
 */
export class Edits {
  readonly #cache: QueryCacheLike;
  readonly #report: (error: unknown) => void;
  /** In the order in which they were made. */
  #shown: Shown[] = [];
  /** What the server sent, where more than that is shown. */
  readonly #base = new Map<QueryLike, unknown>();
  /** When the fetch of a query started. */
  readonly #started = new WeakMap<QueryLike, number>();
  #now = 0;
  #writing = false;

  constructor(cache: QueryCacheLike, report: (error: unknown) => void) {
    this.#cache = cache;
    this.#report = report;
  }

  /** A write of our own, which says nothing of the server's data. */
  get writing(): boolean {
    return this.#writing;
  }

  show(edit: PendingEdit): void {
    for (const part of edit.parts) {
      this.#shown.push({ edit, part, over: new WeakSet(), waits: undefined, since: Infinity });
      this.#paintAll(part.key);
    }
  }

  /** Gives the keys of the parts whose answer is in the data of all their queries. */
  settle(edit: PendingEdit, result: { readonly answer: unknown } | undefined): readonly QueryKey[] {
    const put: QueryKey[] = [];
    for (const shown of this.#shown.filter((one) => one.edit === edit)) {
      const { key, commit, update } = shown.part;
      const queries = this.#queries(key);
      if (result !== undefined && commit !== undefined && queries.every(({ state }) => state.fetchStatus === "idle")) {
        for (const query of queries) this.#rebase(query, (data) => commit(data, result.answer));
        put.push(key);
      } else if (result !== undefined) {
        // What is fetched already may have been read before the change. What nobody looks at is marked as stale,
        // and is fetched by whoever looks next; until then it keeps the change.
        shown.since = ++this.#now;
        shown.waits = new Set(queries.filter((query) => query.isActive() || query.state.fetchStatus !== "idle"));
        for (const query of queries) if (!shown.waits.has(query)) this.#rebase(query, update);
        if (shown.waits.size > 0) continue;
      }
      this.#shown = this.#shown.filter((one) => one !== shown);
      this.#paintAll(key);
    }
    return put;
  }

  /** A fetch of a query started. */
  started(query: QueryLike): void {
    this.#started.set(query, ++this.#now);
  }

  /** A query has data that the server sent. */
  arrived(query: QueryLike): void {
    const started = this.#started.get(query) ?? 0;
    for (const shown of this.#shown) if (started > shown.since) this.#leave(shown, query);
    this.#base.delete(query);
    this.#paint(query);
  }

  /** The app wrote data of its own, with or without the changes that it was shown: it is the app's now. */
  wrote(query: QueryLike): void {
    this.#base.delete(query);
    for (const shown of this.#shown) this.#leave(shown, query);
  }

  /** An event brought what the server has. False if it has no part in this query. */
  patch(query: QueryLike, change: (data: unknown) => unknown): boolean {
    const base = this.#base.has(query) ? this.#base.get(query) : query.state.data;
    const changed = base === undefined ? undefined : this.#made(change, base);
    if (changed === undefined || changed === base) return false;
    this.#base.set(query, changed);
    this.#paint(query, Date.now());
    return true;
  }

  /** A query is gone, or nobody looks at it: nothing waits for it any more. */
  left(query: QueryLike, gone: boolean): void {
    for (const shown of this.#shown) {
      if (!shown.waits?.has(query)) continue;
      if (!gone) this.#rebase(query, shown.part.update);
      this.#leave(shown, query);
    }
    if (gone) this.#base.delete(query);
    else this.#paint(query);
  }

  clear(): void {
    this.#shown = [];
    this.#base.clear();
  }

  /** Shows what the server sent, and nothing else. */
  undo(): void {
    const queries = [...this.#base.keys()];
    this.#shown = [];
    for (const query of queries) this.#paint(query);
  }

  #leave(shown: Shown, query: QueryLike): void {
    shown.over.add(query);
    shown.waits?.delete(query);
    if (shown.waits?.size === 0) this.#shown = this.#shown.filter((one) => one !== shown);
  }

  #queries(key: QueryKey): QueryLike[] {
    return this.#cache.getAll().filter(({ queryKey, state }) => state.data !== undefined && inFamily(queryKey, key));
  }

  #paintAll(key: QueryKey): void {
    for (const query of this.#queries(key)) this.#paint(query);
  }

  /** Changes what the server is known to have. */
  #rebase(query: QueryLike, change: (data: unknown) => unknown): void {
    const base = this.#base.has(query) ? this.#base.get(query) : query.state.data;
    this.#base.set(query, this.#made(change, base));
  }

  /** Shows the server's data with all changes that are not in it yet. */
  #paint(query: QueryLike, updatedAt = query.state.dataUpdatedAt): void {
    const based = this.#base.has(query);
    const base = based ? this.#base.get(query) : query.state.data;
    if (base === undefined) return;
    const mine = this.#shown.filter(({ part, over }) => !over.has(query) && inFamily(query.queryKey, part.key));
    if (mine.length > 0) this.#base.set(query, base);
    else if (!based) return;
    else this.#base.delete(query);
    let data: unknown = base;
    for (const { part } of mine) data = this.#made(part.update, data);
    const { isInvalidated } = query.state;
    this.#writing = true;
    try {
      // As old as it was: what is shown before the server has it makes nothing fresher.
      query.setData(data, { updatedAt, manual: true });
      if (isInvalidated) query.invalidate();
    } finally {
      this.#writing = false;
    }
  }

  /** What an app's function made of data; the data itself if it throws. */
  #made(change: (data: unknown) => unknown, data: unknown): unknown {
    try {
      return change(data);
    } catch (error) {
      this.#report(error);
      return data;
    }
  }
}
