"use client";

import { useMemo, useState, useSyncExternalStore } from "react";
import { useEverfresh, usePicked } from "./context.js";
import { EMPTY, listOf } from "./list.js";
import type { ListState } from "./list.js";
import { Motion, STILL } from "./motion.js";
import type { MotionState } from "./motion.js";
import type {
  EverfreshSnapshot,
  MutateOptions,
  Mutating,
  NameOf,
  Queue,
  QueueList,
  QueueStatus,
  RegisteredMutations,
  ResultOf,
  VarsOf,
} from "../types.js";

/** A mutation, as `useLiveMutation` shows it. */
export interface LiveMutation<Vars, Result> extends MotionState<Vars, Result> {
  /** Does it. What becomes of it is shown, so its promise has to be awaited by nobody. The same function for good. */
  readonly mutate: (
    ...args: undefined extends Vars ? [vars?: Vars, options?: MutateOptions] : [vars: Vars, options?: MutateOptions]
  ) => Mutating<Result>;
  /** Shows that nothing happens. What is on its way goes on. */
  readonly reset: () => void;
}

/**
 * A mutation of the options, and how the last one that this component asked for stands: `idle`, `moving`, `saved`,
 * `failed` or `conflict`, to be shown as it is.
 */
export function useLiveMutation<Name extends NameOf<RegisteredMutations>>(
  name: Name,
): LiveMutation<VarsOf<RegisteredMutations[Name]>, ResultOf<RegisteredMutations[Name]>> {
  type Shown = LiveMutation<VarsOf<RegisteredMutations[Name]>, ResultOf<RegisteredMutations[Name]>>;
  const live = useEverfresh();
  const [motion] = useState(() => new Motion());
  const state = useSyncExternalStore(motion.subscribe, motion.getSnapshot, still) as MotionState<any, any>;
  const mutate = useMemo(
    () => ((vars?: unknown, options?: MutateOptions) => motion.start(live, name, vars, options)) as Shown["mutate"],
    [live, motion, name],
  );
  return useMemo(() => ({ ...state, mutate, reset: motion.reset }), [state, mutate, motion]);
}

/** The queue of all tabs, as `useQueue` shows it. */
export interface QueueView extends QueueStatus, ListState, Pick<Queue, "retry" | "edit" | "discard" | "flush"> {}

/** How the queue of mutations stands; with a list's name its first items besides. */
export function useQueue(of?: QueueList): QueueView {
  const { queue } = useEverfresh<object, object>();
  const status = usePicked(pickQueue);
  const list = useList(of);
  return useMemo(() => {
    const { retry, edit, discard, flush } = queue;
    return { ...status, ...list, retry, edit, discard, flush };
  }, [queue, status, list]);
}

/** Conflicts that the user has to settle. */
export interface Conflicts extends ListState, Pick<Queue, "resolve"> {}

/** What changed on both sides: `body` of an item is what the other side has, `fields` what both changed. */
export function useConflicts(): Conflicts {
  const { queue } = useEverfresh<object, object>();
  const list = useList("conflicts");
  return useMemo(() => ({ ...list, resolve: queue.resolve }), [queue, list]);
}

function useList(of: QueueList | undefined): ListState {
  const live = useEverfresh<object, object>();
  const [subscribe, read] = useMemo(() => {
    if (of === undefined) return [never, empty] as const;
    const list = listOf(live, of);
    return [list.subscribe, list.getSnapshot] as const;
  }, [live, of]);
  return useSyncExternalStore(subscribe, read, empty);
}

const never = () => () => {};
const empty = () => EMPTY;
const still = () => STILL;

function pickQueue({ queue }: EverfreshSnapshot): QueueStatus {
  return queue;
}
