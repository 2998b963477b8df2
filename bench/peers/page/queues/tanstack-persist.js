// Paused mutations of TanStack Query, kept by its persister: as its documents have it, with a scope for each lane.
import { MutationObserver, QueryClient } from "@tanstack/query-core";
import { persistQueryClient } from "@tanstack/query-persist-client-core";
import { createSyncStoragePersister } from "@tanstack/query-sync-storage-persister";

const KEY = "REACT_QUERY_OFFLINE_CACHE";

let client;

export async function open(send) {
  client = new QueryClient({ defaultOptions: { mutations: { retry: 3, gcTime: Infinity } } });
  client.setMutationDefaults(["op"], { mutationFn: (item) => send(item) });
  const persister = createSyncStoragePersister({ storage: localStorage, key: KEY });
  const [, restored] = persistQueryClient({ queryClient: client, persister });
  await restored;
  client.mount();
  void client.resumePausedMutations();
}

export async function enqueue(items) {
  for (const item of items) {
    const observer = new MutationObserver(client, { mutationKey: ["op"], scope: { id: `lane ${item.lane}` } });
    observer.mutate(item).catch(() => {});
  }
  // It is written once a second at most.
  while (!localStorage.getItem(KEY)?.includes(items.at(-1).key)) await new Promise((resolve) => setTimeout(resolve, 5));
}
