import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";

/** Each event names its family, and makes that stale. */
const events = { changed: [["$.family"]] };

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
  const channels = backend.kind === "everfresh" ? ["changes"] : [];
  const live = createEverfresh({ user: "bench", backend, events, channels });
  if (client !== undefined) attach(live, client);
  live.on("changed", (event) => hear(event));
  await connected(live);
}

/** Whoever is attached invalidates by itself. */
export const invalidates = () => () => {};
