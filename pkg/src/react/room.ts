"use client";

import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { room } from "../room.js";
import type { Field, FieldSnapshot, Person, Room, RoomSnapshot, Typing } from "../room.js";
import { useEverfresh } from "./context.js";

/** What a component shows of its user. */
export interface PresenceOptions {
  /** Shows that somebody is there, and not who. */
  anonymous?: boolean;
}

/**
 * Who is on a channel. With `meta` this tab is seen there too, with what is in it, for as long as the component is
 * mounted; without it, it only looks. With `null` for a channel there is nobody.
 */
export function usePresence(channel: string | null, meta?: object, options?: PresenceOptions): readonly Person[] {
  const [here, { people }] = useRoom(channel);
  const text = meta && JSON.stringify(meta);
  const anonymous = options?.anonymous ?? false;
  useEffect(
    () => (text === undefined ? undefined : here?.join(JSON.parse(text) as object, { anonymous })),
    [here, text, anonymous],
  );
  return people;
}

/** Who else types, and how to tell that this user does. */
export interface TypingState {
  readonly typing: readonly Typing[];
  /** The user types in a field; `null` when not any more. It ends by itself. */
  readonly type: (field: string | null) => void;
}

/** Who else types on a channel, or in one field of it. */
export function useTyping(channel: string | null, field?: string): TypingState {
  const [here, { typing: all }] = useRoom(channel);
  const type = useCallback((name: string | null) => here?.typing(name), [here]);
  return useMemo(() => {
    const typing = field === undefined ? all : all.filter((one) => one.field === field);
    return { typing, type };
  }, [all, field, type]);
}

/** What is needed of an event of an input that lost the focus. */
export interface Blur {
  readonly currentTarget: Node;
}

/** A field that one person at a time may edit, as `useFieldLock` shows it. */
export interface FieldLock extends FieldSnapshot, Pick<Field, "take" | "edit" | "release" | "headers"> {
  /** Somebody else has it, and it is to be read only. */
  readonly readOnly: boolean;
  /** For the input: `<input {...lock.input} />`. */
  readonly input: {
    readonly readOnly: boolean;
    readonly onFocus: () => void;
    readonly onInput: () => void;
    readonly onBlur: (event: Blur) => void;
  };
}

/** A field that one person at a time may edit. It is given back when the component unmounts. */
export function useFieldLock(channel: string, name: string): FieldLock {
  const live = useEverfresh<any, any, any>();
  const here = room(live, channel);
  const field = here.field(name);
  // Who looks hears of a lease before the user is in the field.
  useEffect(() => here.subscribe(() => {}), [here]);
  useEffect(
    () => () => {
      if (/held|asking/.test(field.getSnapshot().state)) field.release();
    },
    [field],
  );
  const state = useSyncExternalStore(field.subscribe, field.getSnapshot, field.getServerSnapshot);
  return useMemo(() => {
    const [take, edit, release] = [() => field.take(), () => field.edit(), () => field.release()];
    const readOnly = state.state === "other";
    const onBlur = ({ currentTarget }: Blur) => {
      // Another window came to the front, or another frame: the user is in this field still.
      if ((currentTarget.getRootNode() as Document | ShadowRoot).activeElement !== currentTarget) release();
    };
    const input = { readOnly, onFocus: take, onInput: edit, onBlur };
    return { ...state, take, edit, release, headers: () => field.headers(), readOnly, input };
  }, [field, state]);
}

function useRoom(channel: string | null): readonly [here: Room | undefined, state: RoomSnapshot] {
  const live = useEverfresh<any, any, any>();
  const here = channel === null ? undefined : room(live, channel);
  const state = useSyncExternalStore(here?.subscribe ?? never, here?.getSnapshot ?? nobody, here?.getServerSnapshot ?? nobody);
  return [here, state];
}

const NOBODY: RoomSnapshot = /* @__PURE__ */ Object.freeze({ people: [], typing: [] });
const never = () => () => {};
const nobody = () => NOBODY;
