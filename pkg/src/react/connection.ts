"use client";

import { useEffect, useMemo, useRef } from "react";
import { useEverfresh, usePicked } from "./context.js";
import type {
  ChannelStatus,
  Counters,
  EverfreshSnapshot,
  LiveEvent,
  Metrics,
  NameOf,
  RegisteredEvents,
  TabRole,
} from "../types.js";

/** The connection, as `useConnection` shows it. */
export interface Connection
  extends Pick<
    EverfreshSnapshot,
    "status" | "reason" | "since" | "attempt" | "nextRetry" | "authenticated" | "transport" | "relay"
  > {
  /** Dials at once. */
  readonly reconnect: () => void;
}

/** The state of the connection. Renders again when it changes, not with every event. */
export function useConnection(): Connection {
  const live = useEverfresh<any>();
  const state = usePicked(pickConnection);
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
  return usePicked(pickTab);
}

/** Whether it is this tab that speaks with the server: for what one tab of a browser has to do. */
export function useLeader(): boolean {
  return usePicked(pickLeader);
}

/** What was counted in this tab since it started, and figures worked out once a second at most. */
export interface LiveMetrics extends Counters {
  readonly figures: Metrics | null;
}

/** What was counted in this tab since it started, and figures worked out once a second at most. */
export function useMetrics(): LiveMetrics {
  return usePicked(pickMetrics);
}

/**
 * Follows a channel for as long as the component is mounted, and gives its state; `undefined` until the
 * engine knows it. With `null` it follows nothing.
 */
export function useChannel(name: string | null): ChannelStatus | undefined {
  const live = useEverfresh<any>();
  useEffect(() => (name === null ? undefined : live.channel(name)), [live, name]);
  const pick = useMemo(
    () => (snapshot: EverfreshSnapshot) => snapshot.channels.find(({ channel }) => channel === name),
    [name],
  );
  return usePicked(pick);
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

function pickConnection({ status, reason, since, attempt, nextRetry, authenticated, transport, relay }: EverfreshSnapshot) {
  return { status, reason, since, attempt, nextRetry, authenticated, transport, relay };
}

function pickTab({ role, tab, tabs }: EverfreshSnapshot): TabState {
  return { role, tab, tabs };
}

function pickLeader({ role }: EverfreshSnapshot): boolean {
  return role === "leader" || role === "alone";
}

function pickMetrics({ counters, metrics }: EverfreshSnapshot): LiveMetrics {
  return { ...counters, figures: metrics };
}
