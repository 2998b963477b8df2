// A client of the real query-core fits the shape that `attach` takes.
import { QueryClient, timeoutManager } from "@tanstack/query-core";
import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import { timeoutProvider } from "everfresh/timers";

const live = createEverfresh<{ task_updated: { id: string } }>({ user: null, backend: { kind: "everfresh", url: "/live" } });
const detach: () => void = attach(live, new QueryClient(), { signal: new AbortController().signal });
// @ts-expect-error -- not a client
attach(live, {});
// And the timers fit its manager of them.
timeoutManager.setTimeoutProvider(timeoutProvider);
