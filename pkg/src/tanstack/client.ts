import type { QueryKey } from "../types.js";

/** What is needed of a TanStack Query `Query`. */
export interface QueryLike {
  readonly queryKey: QueryKey;
  readonly options: { persister?: any };
  readonly state: {
    readonly data: unknown;
    readonly dataUpdatedAt: number;
    readonly fetchStatus: string;
    readonly isInvalidated: boolean;
  };
  isActive(): boolean;
  isStatic?(): boolean;
  invalidate(): void;
  reset(): void;
  setData(data: unknown, options: { updatedAt: number; manual: boolean }): unknown;
}

/** What is needed of an event of a TanStack Query `QueryCache`. */
export interface QueryCacheEventLike {
  readonly type: string;
  readonly query: QueryLike;
  readonly action?: { readonly type: string; readonly manual?: boolean | undefined; readonly error?: unknown };
}

/** What is needed of a TanStack Query `QueryCache`. */
export interface QueryCacheLike {
  getAll(): readonly QueryLike[];
  subscribe(listener: (event: QueryCacheEventLike) => void): () => void;
  remove(query: any): void;
}

/**
 * What is needed of a TanStack Query `QueryClient`: any version 5 fits, of React, Vue, Solid or Svelte.
 * It is taken by its shape, so that this package depends on none of them.
 */
export interface QueryClientLike {
  getQueryCache(): QueryCacheLike;
  getMutationCache(): { clear(): void };
  refetchQueries(
    filters: { predicate?: (query: QueryLike) => boolean; type?: "active" },
    options?: { cancelRefetch?: boolean },
  ): Promise<void>;
  cancelQueries(filters: { predicate: (query: QueryLike) => boolean }): Promise<void>;
  invalidateQueries(
    filters: { predicate: (query: QueryLike) => boolean; refetchType?: "none" },
    options?: { cancelRefetch?: boolean },
  ): Promise<void>;
}

/** TanStack Query's idea of whether somebody looks at the page. */
export interface FocusManagerLike {
  onFocus(): void;
}

/** TanStack Query's idea of whether there is a network. */
export interface OnlineManagerLike {
  setOnline(online: boolean): void;
}
