import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";


/** Each event names its family, and makes that stale. */
const events = { changed: [["$.family"]] };

export function start(backend) {
  const live = createEverfresh({ name: `bench-${backend.kind}`, user: "bench", backend, events, channels: backend.kind === "everfresh" ? ["changes"] : [] });
  return live;
}

async function connected(live) {
  await live.ready;
  if (live.getSnapshot().status === "connected") return;
  await new Promise((resolve) => {
    const end = live.subscribe(() => {
      if (live.getSnapshot().status !== "connected") return;
      end();
      resolve();
    });
  });
}

export async function connect(origin, hear, client, backend = { kind: "everfresh", url: `${origin.replace("http", "ws")}/live` }) {
  const live = start(backend);
  if (client !== undefined) attach(live, client);
  live.on("changed", (event) => hear(event));
  await connected(live);
  return { close: () => live.close(), live };
}

/** Whoever is attached invalidates by itself. */
export const invalidates = () => () => {};
