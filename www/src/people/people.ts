import { useSyncExternalStore } from "react";
import { create } from "zustand";
import { device } from "../device";

/** Somebody who may log in to the demo. */
export interface DemoPerson {
  readonly id: string;
  readonly name: string;
  /** One of the colours of avatars in `tokens.css`. */
  readonly tone: "violet" | "blue" | "rust";
}

export const PEOPLE: readonly [DemoPerson, ...DemoPerson[]] = [
  { id: "ana", name: "Ana Souza", tone: "violet" },
  { id: "ben", name: "Ben Okafor", tone: "blue" },
  { id: "cleo", name: "Cleo Martin", tone: "rust" },
];

const KEY = device === undefined ? "everfresh-demo:person" : `everfresh-demo:person:${device}`;

const byId = (id: string | null) => PEOPLE.find((person) => person.id === id);

/**
 * A tab opened by `/?as=ben` stands for another browser: an instance of its own, in which Ben is logged in. So two
 * people meet on one screen. All other tabs are one browser, where one person is logged in at a time. On a device of
 * the stage it says who is logged in there at first.
 */
const invited = byId(new URLSearchParams(location.search).get("as"));
export const seat = device === undefined ? invited : undefined;

/** Who is logged in in this browser, as the last tab that switched wrote it down. */
export function loggedIn(): DemoPerson {
  return seat ?? byId(stored()) ?? invited ?? PEOPLE[0];
}

/** The same for what is on the screen. What another tab wrote may be readable here only a moment after it told of it. */
export function useLoggedIn(): DemoPerson {
  return useSyncExternalStore(onWritten, loggedIn);
}

function onWritten(changed: () => void): () => void {
  addEventListener("storage", changed);
  return () => removeEventListener("storage", changed);
}

/** A storage that may not be used is as good as an empty one. */
function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function remember(person: DemoPerson): void {
  try {
    localStorage.setItem(KEY, person.id);
  } catch {
    // The choice lasts as long as the tab.
  }
}

interface Session {
  readonly person: DemoPerson;
  /** Another tab logged somebody else in: this one has stopped, and shows nothing. */
  readonly fenced: boolean;
  /** Others see that somebody is here, and not who. */
  readonly anonymous: boolean;
}

export const useSession = create<Session>(() => ({ person: loggedIn(), fenced: false, anonymous: false }));

/** A name for people. Whoever the demo does not know is called as the server calls them. */
export function nameOf(user: string | null | undefined): string {
  return byId(user ?? null)?.name ?? user ?? "Somebody";
}

export function firstNameOf(user: string | null | undefined): string {
  return nameOf(user).split(" ")[0] ?? "";
}

export function toneOf(user: string | null | undefined): DemoPerson["tone"] | "grey" {
  return byId(user ?? null)?.tone ?? "grey";
}

/** "Ana Souza" is "AS". */
export function initialsOf(user: string | null | undefined): string {
  if (user === null || user === undefined) return "?";
  return nameOf(user)
    .split(" ")
    .map((word) => word.charAt(0))
    .join("")
    .slice(0, 2)
    .toUpperCase();
}
