import { inFamily } from "./keys.js";
import { subscription } from "./listeners.js";
import type { Everfresh, Invalidation, QueryKey, SubscribeOptions, Unsubscribe } from "./types.js";

/** What is needed of a TanStack Query `Query`. */
export interface QueryLike {
  readonly queryKey: QueryKey;
  readonly state: { readonly fetchStatus: string };
}

/** What is needed of an event of a TanStack Query `QueryCache`. */
export interface QueryCacheEventLike {
  readonly type: string;
  readonly query: QueryLike;
  readonly action?: { readonly type: string };
}

/**
 * What is needed of a TanStack Query `QueryClient`: any version 5 fits, of React, Vue, Solid or Svelte.
 * It is taken by its shape, so that this package depends on none of them.
 */
export interface QueryClientLike {
  getQueryCache(): {
    findAll(filters: { predicate: (query: QueryLike) => boolean }): readonly QueryLike[];
    subscribe(listener: (event: QueryCacheEventLike) => void): () => void;
  };
  invalidateQueries(
    filters: { predicate: (query: QueryLike) => boolean; refetchType?: "none" },
    options?: { cancelRefetch?: boolean },
  ): Promise<void>;
}

interface Attachment {
  users: number;
  detach: () => void;
}

/** One attachment a pair, so that a second call does not invalidate everything twice. */
const attachments = new WeakMap<QueryClientLike, WeakMap<Everfresh<any>, Attachment>>();

/**
 * Connects an instance with a TanStack Query client: what becomes stale is invalidated there. This is
 * the whole integration of an existing app.
 *
 * ```ts
 * attach(live, queryClient);
 * ```
 *
 * A running fetch is never cancelled for a refetch, and never trusted either: when something became
 * stale while it ran, one more fetch follows it.
 *
 * @returns a function that disconnects them and leaves no trace. Two calls need two of them.
 */
export function attach(live: Everfresh<any>, client: QueryClientLike, options?: SubscribeOptions): Unsubscribe {
  return subscription(options?.signal, () => {
    let ofClient = attachments.get(client);
    if (ofClient === undefined) attachments.set(client, (ofClient = new WeakMap()));
    let attachment = ofClient.get(live);
    if (attachment === undefined) ofClient.set(live, (attachment = { users: 0, detach: connect(live, client) }));
    attachment.users += 1;
    const { detach } = attachment;
    return () => {
      attachment.users -= 1;
      if (attachment.users > 0) return;
      ofClient.delete(live);
      detach();
    };
  });
}

function connect(live: Everfresh<any>, client: QueryClientLike): () => void {
  const cache = client.getQueryCache();
  /**
   * Queries that became stale while they were being fetched. The answer under way may have been made
   * before the change, and TanStack Query takes it for fresh: it joins the running fetch, whose success
   * clears the mark.
   */
  const owed = new Set<QueryLike>();

  const invalidate = (predicate: (query: QueryLike) => boolean) => {
    // The promise is of the refetches, whose errors are the queries' own and are never thrown from here.
    void client.invalidateQueries({ predicate }, { cancelRefetch: false });
  };

  const stopListening = live.onInvalidate((invalidations) => {
    const prefixes = distinct(invalidations);
    const stale = (query: QueryLike) => prefixes.some((prefix) => inFamily(query.queryKey, prefix));
    for (const query of cache.findAll({ predicate: stale })) {
      if (query.state.fetchStatus === "fetching") owed.add(query);
    }
    // One call for all of them: TanStack Query batches what one call changes into one notification.
    invalidate(stale);
  });

  const stopWatching = cache.subscribe(({ type, query, action }) => {
    if (!owed.has(query)) return;
    if (type === "removed") {
      owed.delete(query);
      return;
    }
    // Observers tell of the new state before the query says what brought it about.
    if (type !== "updated" || query.state.fetchStatus !== "idle") return;
    owed.delete(query);
    if (action?.type === "setState") {
      // The app cancelled the fetch, most often to show an optimistic value: a refetch now would
      // overwrite that. But cancelling also took the mark of staleness back, so it is set again.
      void client.invalidateQueries({ predicate: (other) => other === query, refetchType: "none" });
      return;
    }
    // After the call that told of the end: the query is not done with its own bookkeeping before that.
    queueMicrotask(() => invalidate((other) => other === query));
  });

  return () => {
    stopListening();
    stopWatching();
    owed.clear();
  };
}

/** The prefixes of a batch, each once. */
function distinct(invalidations: readonly Invalidation[]): QueryKey[] {
  const keys = invalidations.flatMap((invalidation) => invalidation.keys);
  if (keys.length === 1) return keys;
  return [...new Map(keys.map((key) => [JSON.stringify(key), key])).values()];
}
