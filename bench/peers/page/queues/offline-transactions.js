// TanStack's offline transactions, on the storage that the others use too.
import { createCollection, localOnlyCollectionOptions } from "@tanstack/db";
import { LocalStorageAdapter, startOfflineExecutor } from "@tanstack/offline-transactions";

let executor;
let items;

export async function open(send) {
  items = createCollection(localOnlyCollectionOptions({ getKey: ({ key }) => key }));
  executor = startOfflineExecutor({
    collections: { items },
    storage: new LocalStorageAdapter("offline:"),
    mutationFns: {
      op: async ({ transaction }) => {
        for (const { modified } of transaction.mutations) await send(modified);
      },
    },
  });
  await executor.waitForInit();
}

export async function enqueue(wanted) {
  for (const item of wanted) {
    const transaction = executor.createOfflineTransaction({ mutationFnName: "op", autoCommit: false });
    transaction.mutate(() => items.insert(item));
    transaction.commit().catch(() => {});
  }
  while ((await executor.peekOutbox()).length < wanted.length) await new Promise((resolve) => setTimeout(resolve, 5));
}
