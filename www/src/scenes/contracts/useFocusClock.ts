import { useSyncExternalStore } from "react";
import { device } from "../../device";

/** A pause of the session that runs: small, and the browser's own, so its tabs share it by their storage. */
interface Pauses {
  readonly session: string;
  /** How long it has been paused before, in milliseconds. */
  readonly before: number;
  /** Since when it is paused now, if it is. */
  readonly since: number | null;
}

const KEY = device === undefined ? "everfresh-demo:focus" : `everfresh-demo:focus:${device}`;
const CHANGED = "everfresh-demo:focus";

const stored = () => {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
};

function pausesOf(text: string | null, session: string): Pauses {
  try {
    const pauses = JSON.parse(text ?? "null") as Pauses | null;
    if (pauses?.session === session) return pauses;
  } catch {
    // What is stored may be anything: then there was no pause.
  }
  return { session, before: 0, since: null };
}

/** The pauses of a session, as all tabs of this browser have them. */
export function usePauses(session: string): { paused: boolean; restedMs: (now: number) => number; toggle: () => void } {
  const text = useSyncExternalStore(onChanged, stored);
  const { before, since } = pausesOf(text, session);
  return {
    paused: since !== null,
    restedMs: (now) => before + (since === null ? 0 : now - since),
    toggle: () => {
      const now = Date.now();
      put(since === null ? { session, before, since: now } : { session, before: before + (now - since), since: null });
    },
  };
}

function put(pauses: Pauses): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(pauses));
  } catch {
    // Without room the timer runs on, as it does in the other tabs.
  }
  // The event of the storage itself is for the other tabs.
  dispatchEvent(new Event(CHANGED));
}

function onChanged(changed: () => void): () => void {
  addEventListener("storage", changed);
  addEventListener(CHANGED, changed);
  return () => {
    removeEventListener("storage", changed);
    removeEventListener(CHANGED, changed);
  };
}
