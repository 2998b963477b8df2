// The options and the methods, as an app uses them: what is marked must not compile.
import { createEverfresh, EverfreshError } from "everfresh";
import type { ConnectionStatus, Everfresh, EverfreshSnapshot } from "everfresh";

const backend = { kind: "everfresh", url: new URL("wss://example.test/live") } as const;

// @ts-expect-error -- whose data it is must be said
createEverfresh({ backend });
// @ts-expect-error -- an id, not a number
createEverfresh({ user: 7, backend });
// @ts-expect-error -- no such protocol
createEverfresh({ user: null, backend: { kind: "carrier-pigeon", url: "/live" } });
// @ts-expect-error -- misspelled
createEverfresh({ user: null, backend, chanels: ["tasks"] });

const live: Everfresh = createEverfresh({ user: null, backend, channels: ["tasks"], wasm: "/everfresh.wasm" });
const stop: () => void = live.subscribe(() => {}, { signal: new AbortController().signal });
const snapshot: EverfreshSnapshot = live.getSnapshot();
const status: ConnectionStatus = snapshot.status;
// @ts-expect-error -- the snapshot is everybody's
snapshot.tabs = 2;
live.invalidate(["tasks", ["tasks", 5, { done: true }]]);
// @ts-expect-error -- a list of families
live.invalidate("tasks");
live.onInvalidate((invalidations) => invalidations.map(({ keys, cause }) => [keys, cause.why === "gap"]));
live.onFault(({ code, error }) => code === "wasm-blocked" && error instanceof EverfreshError);
const ready: Promise<void> = live.ready;
live.channel("tasks")();

async function disposed(): Promise<void> {
  using one = createEverfresh({ user: null, backend });
  await using two = createEverfresh({ user: null, backend });
}
