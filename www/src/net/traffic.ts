import { create } from "zustand";

/** What this tab asked of the server over HTTP, counted since the page was loaded. */
interface Traffic {
  /** Requests that read data. */
  reads: number;
  /**
   * Reads that the server answered, by address, with those that were answered with 304. What it never got cost it
   * nothing.
   */
  urls: Readonly<Record<string, { readonly answered: number; readonly unchanged: number }>>;
  /** Reads that were answered with 304: nothing had changed, and no body was sent. */
  notModified: number;
}

export const useTraffic = create<Traffic>(() => ({ reads: 0, urls: {}, notModified: 0 }));

/** Of the requests for what lies below an address: how many the server answered, and how many of these with 304. */
export function trafficOf(address: string): { answered: number; unchanged: number } {
  const { urls } = useTraffic.getState();
  const found = Object.entries(urls).filter(([url]) => url.split("?")[0] === address);
  return found.reduce((sum, [, one]) => ({ answered: sum.answered + one.answered, unchanged: sum.unchanged + one.unchanged }), { answered: 0, unchanged: 0 });
}

export function countRead(): void {
  useTraffic.setState(({ reads }) => ({ reads: reads + 1 }));
}

/** A read was answered: with a body, or by saying that there is nothing new. */
export function countAnswered(url: string, notModified: boolean): void {
  useTraffic.setState((all) => {
    const known = all.urls[url] ?? { answered: 0, unchanged: 0 };
    const more = notModified ? 1 : 0;
    return {
      notModified: all.notModified + more,
      urls: { ...all.urls, [url]: { answered: known.answered + 1, unchanged: known.unchanged + more } },
    };
  });
}
