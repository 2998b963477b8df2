"use client";

import { createContext, createElement, useContext, useMemo, useSyncExternalStore } from "react";
import type { ReactElement, ReactNode } from "react";
import { EverfreshError } from "../errors.js";
import type { Everfresh, EverfreshSnapshot, RegisteredContracts, RegisteredEvents, RegisteredMutations } from "../types.js";

const Context = /* @__PURE__ */ createContext<Everfresh<any, any, any> | null>(null);

/** Makes an instance available to the hooks below it. */
export function EverfreshProvider(props: { live: Everfresh<any, any, any>; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: props.live }, props.children);
}

/** The instance of the nearest `<EverfreshProvider>`. */
export function useEverfresh<
  Events extends object = RegisteredEvents,
  Mutations extends object = RegisteredMutations,
  Contracts extends string = RegisteredContracts,
>(): Everfresh<Events, Mutations, Contracts> {
  const live = useContext(Context);
  if (live === null) {
    throw new EverfreshError(
      "provider-missing",
      "no <EverfreshProvider> above this component. Wrap the app in " +
        "<EverfreshProvider live={live}>, where live is what createEverfresh() returned",
    );
  }
  return live as unknown as Everfresh<Events, Mutations, Contracts>;
}

/**
 * A part of the snapshot that stays the same object until one of its members changes.
 *
 * @param pick the same function until something else is to be picked.
 */
export function usePicked<Part>(pick: (snapshot: EverfreshSnapshot) => Part): Part {
  const live = useEverfresh<any, any, any>();
  const [now, onServer] = useMemo(() => {
    const serverPart = pick(live.getServerSnapshot());
    let last: { snapshot: EverfreshSnapshot; part: Part } | undefined;
    const read = () => {
      const snapshot = live.getSnapshot();
      if (last?.snapshot === snapshot) return last.part;
      const part = pick(snapshot);
      last = { snapshot, part: last !== undefined && sameMembers(last.part, part) ? last.part : part };
      return last.part;
    };
    return [read, () => serverPart];
  }, [live, pick]);
  return useSyncExternalStore(live.subscribe, now, onServer);
}

function sameMembers(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return Object.is(one, other);
  const left = Object.entries(one);
  const right = other as Record<string, unknown>;
  return left.length === Object.keys(other).length && left.every(([name, value]) => Object.is(value, right[name]));
}
