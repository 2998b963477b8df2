// The hooks, for an app that declares nothing: any name, and what it is of is unknown.
import { createEverfresh } from "everfresh";
import {
  EverfreshProvider,
  useConflicts,
  useContract,
  useFieldLock,
  useFreshness,
  useLeader,
  useLiveMutation,
  useMetrics,
  usePresence,
  useQueue,
  useSmartPolling,
  useTyping,
} from "everfresh/react";

const live = createEverfresh<{ changed: { id: string } }>({ user: null, backend: { kind: "everfresh", url: "/live" } });
EverfreshProvider({ live, children: "…" });
// @ts-expect-error -- without an instance there is nothing to provide
EverfreshProvider({ children: "…" });

const leads: boolean = useLeader();
const { events, figures } = useMetrics();
events.toFixed();
figures?.uptime?.toFixed();
// @ts-expect-error -- there may be no figures yet
figures.uptime;

const interval: number | false = useSmartPolling(["tasks", 7]);
useFreshness("tasks")?.deadline?.toFixed();
const { status, refresh, disable, enable } = useContract("any");
for (const call of [refresh, disable, enable]) call();
status?.interval?.toFixed();

const { mutate, state, accepted } = useLiveMutation("any");
mutate({ id: 7 }, { lane: "a" }).accepted.then(({ durable }) => durable);
const word: "idle" | "moving" | "saved" | "failed" | "conflict" = state;
const stored: boolean | undefined = accepted?.durable;

const { items, more, count, retry } = useQueue("dead");
void retry(items[0]?.id);
// @ts-expect-error -- no such list
useQueue("lost");
const { items: conflicts, resolve } = useConflicts();
for (const { id, vars } of conflicts) void resolve(id, "merged", vars);

for (const { user, self } of usePresence("form:7", { page: 1 }, { anonymous: true })) user?.trim(), self;
const { typing, type } = useTyping("form:7", "title");
type(typing.length > 0 ? null : "title");
const lock = useFieldLock("form:7", "title");
fetch("/save", { headers: lock.headers() });
const readOnly: boolean = lock.input.readOnly;
