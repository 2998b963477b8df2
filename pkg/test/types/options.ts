// The options and the methods, as an app uses them: what is marked must not compile.
import { createEverfresh, EverfreshError, init } from "everfresh";
import { sharedState } from "everfresh/state";
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

// Routes in all their forms, and every way to say where the module is.
init({ url: new URL("https://cdn.test/everfresh.wasm") });
init({ module: WebAssembly.compile(new Uint8Array()) });
createEverfresh({
  user: null,
  backend: { ...backend, maxAttempts: 3 },
  getToken: async ({ reason, signal }) => (signal.aborted ? null : reason),
  events: {
    plain: ["tasks", ["tasks", "$.id", { done: true }]],
    rule: { keys: [["blocks", { $range: [["$.start", "$.end"]] }]], version: "$.version", mutation: "$.mid" },
  },
  queue: { maxCount: 100, volatile: true },
  fallback: "none",
  record: true,
  wasm: { bytes: () => new Uint8Array() },
  signal: AbortSignal.timeout(1000),
});
// @ts-expect-error -- a module comes from one of three places
init({ path: "/everfresh.wasm" });
live.onViolation(({ contract, age, window }) => [contract, age ?? 0, window]);
live.onUser((change) => change === "fenced");
live.onMutation(({ state, error }) => state === "dead" && error?.status === 422);
const user: string | null | undefined = live.user;
live.setUser(user ?? null);
live.setToken("token");
live.setToken();
live.log(["link", "queue"]);
// @ts-expect-error -- no such part
live.log(["music"]);
const why: number = live.explain(["tasks", 5])?.chain.length ?? 0;
const journal = live.diagnostics()?.journal.entries;
const recording: string | undefined = live.diagnostics()?.recording;
const paused = sharedState(live, "paused", false as boolean, { storage: "session", check: (value): value is boolean => typeof value === "boolean" });
paused.set(!paused.get());
// @ts-expect-error -- a boolean
paused.set("yes");
