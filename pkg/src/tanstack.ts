import { subscription } from "./listeners.js";
import { Attachment } from "./tanstack/attachment.js";
import type { FocusManagerLike, OnlineManagerLike, QueryClientLike } from "./tanstack/client.js";
import { drive } from "./tanstack/managers.js";
import type { ShareOptions } from "./tanstack/share.js";
import type { Everfresh, LiveEvent, QueryKey, SubscribeOptions, Unsubscribe } from "./types.js";

export type { FocusManagerLike, OnlineManagerLike, QueryCacheEventLike, QueryCacheLike, QueryClientLike, QueryLike } from "./tanstack/client.js";
export type { ShareOptions } from "./tanstack/share.js";

/** What an event changes in the data that is shown. */
export interface Patch {
  /** The queries, by a prefix of their keys. */
  key: QueryKey;
  /** The data with the change in it; `undefined` where it has no part in it. Must not change what it is given. */
  update: (data: any) => unknown;
  /**
   * The version that the data then has, in the order that the route's `version` is of. With it the event is paid
   * for and nothing is refetched; without it the data is shown at once and refetched all the same.
   */
  version?: string | number;
}

/** By the event's name: what it changes in the data that is shown. */
export interface Patches {
  [event: string]: (data: any, event: LiveEvent) => Patch | readonly Patch[] | undefined;
}

/** What {@link attach} takes. */
export interface AttachOptions extends SubscribeOptions {
  /** Data that an event brings itself, to be shown at once. */
  patch?: Patches;
  /** The version of fetched data, where the server says one: data that is new enough is not fetched again. */
  version?: (data: unknown, key: QueryKey) => string | number | undefined;
  /** TanStack Query's own managers, to be told what the engine knows: that a page is back, that there is a network. */
  managers?: { focusManager?: FocusManagerLike; onlineManager?: OnlineManagerLike };
  /**
   * Tabs of one browser and person that want the same query at the same time make one request. Off by default: it is
   * for apps whose query functions give the same in every tab. Infinite queries, those with a `persister`, and results
   * that are not JSON are fetched by each tab.
   */
  share?: boolean | ShareOptions;
}

interface Attached {
  users: number;
  end: () => void;
}

/** One attachment a pair, so that a second call does not do everything twice. */
const attachments = /* @__PURE__ */ new WeakMap<QueryClientLike, WeakMap<Everfresh<any, any, any>, Attached>>();

/**
 * Connects an instance with a TanStack Query client. This is the whole integration of an existing app:
 *
 * ```ts
 * attach(live, queryClient);
 * ```
 *
 * What becomes stale is refetched: never by cancelling a fetch that runs (but for one that hangs), never by trusting one
 * that started before, once however many events came. What nobody looks at is marked, and refetched by whoever looks next.
 * Optimistic mutations of the instance are shown in the client's data. Another user's data is dropped.
 *
 * @returns a function that disconnects them and leaves no trace. Two calls need two of them; the options of the
 * first count.
 */
export function attach(live: Everfresh<any, any, any>, client: QueryClientLike, options: AttachOptions = {}): Unsubscribe {
  return subscription(options.signal, () => {
    let ofClient = attachments.get(client);
    if (ofClient === undefined) attachments.set(client, (ofClient = new WeakMap()));
    let attached = ofClient.get(live);
    if (attached === undefined) {
      const attachment = new Attachment(live, client, options);
      const release = drive(live, options.managers);
      attached = {
        users: 0,
        end: () => {
          release();
          attachment.end();
        },
      };
      ofClient.set(live, attached);
    }
    const one = attached;
    one.users += 1;
    return () => {
      one.users -= 1;
      if (one.users > 0) return;
      ofClient.delete(live);
      one.end();
    };
  });
}
