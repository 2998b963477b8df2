import { create } from "zustand";

/** What this tab asked of the server over HTTP, counted since the page was loaded. */
interface Traffic {
  /** Requests that read data. */
  reads: number;
  /** Reads that the server answered. Those that it never got cost it nothing. */
  answered: number;
  /** Requests that write: they are the user's, not the cache's. */
  writes: number;
  /** Reads that were answered with 304: nothing had changed, and no body was sent. */
  notModified: number;
}

export const useTraffic = create<Traffic>(() => ({ reads: 0, answered: 0, writes: 0, notModified: 0 }));

export function countRead(): void {
  useTraffic.setState(({ reads }) => ({ reads: reads + 1 }));
}

export function countNotModified(): void {
  useTraffic.setState(({ notModified }) => ({ notModified: notModified + 1 }));
}

export function countAnswered(): void {
  useTraffic.setState(({ answered }) => ({ answered: answered + 1 }));
}

export function countWrite(): void {
  useTraffic.setState(({ writes }) => ({ writes: writes + 1 }));
}
