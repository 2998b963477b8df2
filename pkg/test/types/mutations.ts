// Mutations, contracts and the window's events: names and types are checked by the compiler.
import { createEverfresh, mutation, MutationError } from "everfresh";
import type { Accepted, Everfresh, Mutating, Mutation, QueuePage, RunContext } from "everfresh";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_Type extends true>(): void => {};

interface Move {
  id: string;
  start: number;
}
interface Block {
  id: string;
  version: number;
}
const user = null;
const backend = { kind: "everfresh", url: "/live" } as const;

// Inferred: names, variables and answers come from the functions.
const live = createEverfresh({
  user,
  backend,
  events: { block_moved: (block: Block) => [["blocks", block.id]] },
  mutations: {
    move: mutation({
      run: async (v: Move, { headers, signal, idempotencyKey }) => {
        is<Equal<typeof signal, AbortSignal>>();
        is<Equal<typeof idempotencyKey, string>>();
        const response = await fetch(`/api/blocks/${v.id}`, { method: "PATCH", headers, signal, body: JSON.stringify(v) });
        if (!response.ok) throw response;
        return (await response.json()) as Block;
      },
      lane: (v) => (is<Equal<typeof v, Move>>(), v.id),
      optimistic: {
        key: (v) => ["blocks", v.start],
        update: (blocks: Block[], v) => blocks.filter(({ id }) => id !== v.id),
        commit: (blocks: Block[], block) => (is<Equal<typeof block, Block>>(), [...blocks, block]),
      },
      invalidates: (v, block) => (is<Equal<typeof block, Block>>(), [["blocks", v.id]]),
    }),
    ping: mutation({ run: () => 5 }),
    note: { run: (text: string, context) => (is<Equal<typeof context, RunContext>>(), text.length) },
  },
  contracts: { planner: { key: "planner", maxAge: 30_000, poll: { down: 5000 } }, quests: { key: ["quests"], poll: "auto" } },
  domEvents: { block_moved: true },
});
const moving = live.mutate("move", { id: "a", start: 1 }, { signal: AbortSignal.timeout(5) });
is<Equal<typeof moving, Mutating<Block>>>();
is<Equal<Awaited<typeof moving>, Block>>();
is<Equal<Awaited<typeof moving.accepted>, Accepted>>();
live.mutate("ping").then((n) => is<Equal<typeof n, number>>());
live.mutate("note", "text").then((n) => is<Equal<typeof n, number>>());
// @ts-expect-error -- misspelled
live.mutate("mov", { id: "a", start: 1 });
// @ts-expect-error -- a number where a string belongs
live.mutate("move", { id: 1, start: 1 });
// @ts-expect-error -- it needs its variables
live.mutate("move");
live.contracts.watch("planner", { signal: AbortSignal.timeout(5) })();
live.contracts.disable("quests");
// @ts-expect-error -- misspelled
live.contracts.enable("planer");
createEverfresh({
  user,
  backend,
  events: { a: ["a"] },
  // @ts-expect-error -- not among the events
  domEvents: { b: true },
});

// Declared: the functions have to fit.
interface AppMutations {
  move: Mutation<Move, Block>;
}
const declared = createEverfresh<{ task_updated: { id: string } }, AppMutations, "planner">({
  user,
  backend,
  mutations: {
    move: {
      run: async (v, { attempt }) => {
        is<Equal<typeof v, Move>>();
        is<Equal<typeof attempt, number>>();
        return { id: v.id, version: 1 };
      },
      conflict: "merge",
    },
  },
  contracts: { planner: { key: "planner" } },
});
declared.mutate("move", { id: "a", start: 1 }).then((block) => is<Equal<typeof block, Block>>());
createEverfresh<{ task_updated: { id: string } }, AppMutations>({
  user,
  backend,
  // @ts-expect-error -- the answer is no block
  mutations: { move: { run: async (v) => v.id } },
});
createEverfresh<{ task_updated: { id: string } }, AppMutations>({
  user,
  backend,
  // @ts-expect-error -- misspelled
  mutations: { mvoe: { run: async () => ({ id: "a", version: 1 }) } },
});
createEverfresh({
  user,
  backend,
  // @ts-expect-error -- no such policy
  mutations: { move: { run: () => {}, conflict: "war" } },
});
createEverfresh({
  user,
  backend,
  // @ts-expect-error -- no such contract option
  contracts: { planner: { key: "planner", staleTime: 5 } },
});

// Nothing declared: any name, any variables.
const open: Everfresh = createEverfresh({ user, backend });
open.mutate("anything", { at: 5 }).then((result) => is<Equal<typeof result, unknown>>());

async function rest(): Promise<void> {
  const page: QueuePage = await open.queue.list({ of: "dead", limit: 5, signal: AbortSignal.timeout(5) });
  await open.queue.resolve(page.items[0]?.id ?? "", "merged", { title: "both" });
  await open.queue.resolve("id", "server", { signal: AbortSignal.timeout(5) });
  // @ts-expect-error -- no such side
  await open.queue.resolve("id", "mine");
  const count: number = await open.queue.retry();
  await open.queue.import(await open.queue.export());
  try {
    await open.mutate("anything");
  } catch (error) {
    if (error instanceof MutationError && error.code === "mutation-quota") console.log(error.id, error.status, error.body);
    // @ts-expect-error -- no such code
    if (error instanceof MutationError && error.code === "quota") console.log(count);
  }
}
