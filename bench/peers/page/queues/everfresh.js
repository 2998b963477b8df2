import { createEverfresh } from "everfresh";

let live;

export async function open(send) {
  live = createEverfresh({
    user: "bench",
    backend: { kind: "everfresh", url: `${location.origin.replace("http", "ws")}/live` },
    queue: { maxCount: 10_000 },
    mutations: { op: { run: (item, { signal }) => send(item, signal), lane: ({ lane }) => `lane ${lane}` } },
  });
  await live.ready;
}

export async function enqueue(items) {
  await Promise.all(
    items.map((item) => {
      const mutating = live.mutate("op", item);
      mutating.catch(() => {});
      return mutating.accepted;
    }),
  );
}
