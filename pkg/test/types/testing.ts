// Worlds for the tests of apps.
import { createEverfresh } from "everfresh";
import { attach } from "everfresh/tanstack";
import { createWorld } from "everfresh/testing";
import type { Script, World } from "everfresh/testing";
import { QueryClient } from "@tanstack/query-core";

const script: Script = [
  [1000, "cut"],
  [0, { sleep: 60_000 }],
  [0, ({ server }) => server.publish("tasks", "changed", { id: "7" })],
];
// @ts-expect-error -- no such trouble
const wrong: Script = [[0, "lightning"]];

const world: World = await createWorld({ seed: 7, fetch: async (request) => new Response(request.url) });
const live = await world.tab<{ changed: { id: string } }>({ contracts: { tasks: { key: "tasks" } } });
live.on("changed", ({ id }) => id.trim());
// @ts-expect-error -- no such event
live.on("changd", () => {});
attach(live, new QueryClient());
createEverfresh({ user: null, backend: { kind: "everfresh", url: "/live" } });
await world.play(script);
const so: boolean = await world.until(() => world.violations.length === 0, 5000);
await world.end();
