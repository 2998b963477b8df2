import { mutation } from "everfresh";
import type { Mutation } from "everfresh";
import { dayKey, patchBlock } from "./api";
import type { Block } from "./api";
import { dayOf } from "./time";
import type { Span } from "./time";

export interface Move {
  readonly block: string;
  /** What it is called, for whoever finds it in the queue. */
  readonly name: string;
  readonly from: Span;
  readonly to: Span;
}

export interface CalendarMutations {
  moveBlock: Mutation<Move, Block>;
}

const moveBlock: CalendarMutations["moveBlock"] = ({ block, to }, context) => patchBlock(block, to, context);

/** The block goes from one day to another, or within one: each day is a query of its own. */
export const calendarMutations = {
  moveBlock: mutation({
    run: moveBlock,
    lane: ({ block }) => `block ${block}`,
    optimistic: [
      {
        key: ({ from }) => dayKey(dayOf(from.start)),
        update: (blocks: Block[], { block, from, to }) =>
          dayOf(from.start) === dayOf(to.start)
            ? blocks.map((one) => (one.id === block ? { ...one, ...to } : one))
            : blocks.filter(({ id }) => id !== block),
        commit: (blocks: Block[], answer, { from }) => (dayOf(from.start) === dayOf(answer.start) ? put(blocks, answer) : blocks.filter(({ id }) => id !== answer.id)),
      },
      {
        key: ({ to }) => dayKey(dayOf(to.start)),
        update: (blocks: Block[], { block, name, to }) =>
          blocks.some(({ id }) => id === block)
            ? blocks.map((one) => (one.id === block ? { ...one, ...to } : one))
            : [...blocks, { id: block, title: name, kind: "task", version: 0, ...to }],
        commit: (blocks: Block[], answer, { to }) => (dayOf(answer.start) === dayOf(to.start) ? put(blocks, answer) : blocks),
      },
    ],
  }),
};

/** Puts the server's answer into a day, unless the day has the block in a newer version. */
function put(blocks: Block[], answer: Block): Block[] {
  const known = blocks.find(({ id }) => id === answer.id);
  if (known === undefined) return [...blocks, answer];
  return known.version > answer.version ? blocks : blocks.map((one) => (one.id === answer.id ? answer : one));
}
