"use client";

import { createContext, createElement, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { ReactElement, ReactNode } from "react";
import { EverfreshError } from "./errors.js";
import type {
  ChannelStatus,
  ConnectionStatus,
  Counters,
  NameOf,
  Everfresh,
  EverfreshSnapshot,
  LiveEvent,
  RegisteredEvents,
  TabRole,
  Transport,
} from "./types.js";

const Context = createContext<Everfresh<any> | null>(null);

/** Makes an instance available to the hooks below it. */
export function EverfreshProvider(props: { live: Everfresh<any>; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: props.live }, props.children);
}

/** The instance of the nearest `<EverfreshProvider>`. */
export function useEverfresh<Events extends object = RegisteredEvents>(): Everfresh<Events> {
  const live = useContext(Context);
  if (live === null) {
    throw new EverfreshError(
      "provider-missing",
      "no <EverfreshProvider> above this component. Wrap the app in " +
        "<EverfreshProvider live={live}>, where live is what createEverfresh() returned",
    );
  }
  return live as Everfresh<Events>;
}

/** The connection, as `useConnection` shows it. */
export interface Connection {
  readonly status: ConnectionStatus;
  readonly reason: string;
  readonly since: number;
  readonly attempt: number;
  readonly nextRetry: number | null;
  /** The way to the server that is in use; `null` without a connection. */
  readonly transport: Transport | null;
  /** Dials at once. */
  readonly reconnect: () => void;
}

/** The state of the connection. Renders again when it changes, not with every event. */
export function useConnection(): Connection {
  const live = useEverfresh<object>();
  const state = usePicked(live, pickConnection);
  return useMemo(() => ({ ...state, reconnect: () => live.reconnect() }), [live, state]);
}

/** This tab among the tabs of the browser. */
export interface TabState {
  readonly role: TabRole;
  readonly tab: string;
  readonly tabs: number;
}

/** The part that this tab plays, and how many tabs share the connection. */
export function useTabState(): TabState {
  return usePicked(useEverfresh<object>(), pickTab);
}

/** What was counted in this tab since it started. */
export function useMetrics(): Counters {
  return usePicked(useEverfresh<object>(), pickCounters);
}

/**
 * Follows a channel for as long as the component is mounted, and gives its state; `undefined` until the
 * engine knows it. With `null` it follows nothing.
 */
export function useChannel(name: string | null): ChannelStatus | undefined {
  const live = useEverfresh<object>();
  useEffect(() => (name === null ? undefined : live.channel(name)), [live, name]);
  const pick = useMemo(
    () => (snapshot: EverfreshSnapshot) => snapshot.channels.find(({ channel }) => channel === name),
    [name],
  );
  return usePicked(live, pick);
}

/**
 * Calls `listener` for every event of that name while the component is mounted. It always calls the
 * function of the last render, so that function needs no `useCallback`.
 */
export function useEvent<Name extends NameOf<RegisteredEvents>>(
  name: Name,
  listener: (data: RegisteredEvents[Name], event: LiveEvent<Name, RegisteredEvents[Name]>) => void,
): void {
  const live = useEverfresh();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => live.on(name, (data, event) => latest.current(data, event)), [live, name]);
}

/** A part of the snapshot that stays the same object until one of its members changes. */
function usePicked<Part extends object | undefined>(
  live: Everfresh<any>,
  pick: (snapshot: EverfreshSnapshot) => Part,
): Part {
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

function pickConnection({ status, reason, since, attempt, nextRetry, transport }: EverfreshSnapshot) {
  return { status, reason, since, attempt, nextRetry, transport };
}

function pickTab({ role, tab, tabs }: EverfreshSnapshot): TabState {
  return { role, tab, tabs };
}

function pickCounters({ counters }: EverfreshSnapshot): Counters {
  return counters;
}

function sameMembers(one: object | undefined, other: object | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const left = Object.entries(one);
  const right = other as Record<string, unknown>;
  return left.length === Object.keys(other).length && left.every(([name, value]) => Object.is(value, right[name]));
}
