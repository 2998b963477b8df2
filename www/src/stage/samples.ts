import { create } from "zustand";
import type { Report } from "../report";
import { leadersOf, useStage } from "./devices";

/** How many seconds are kept. */
export const KEPT = 120;

/** One second of the stage. `null` where nobody knows. */
export interface Sample {
  readonly messages: number;
  readonly latency: number | null;
  readonly uptime: number | null;
  readonly reconnects: number;
  readonly failures: number | null;
  readonly conflicts: number | null;
}

export const useHistory = create<{ readonly samples: readonly Sample[] }>(() => ({ samples: [] }));

/** Takes a sample every second. Returns what ends it. */
export function keepHistory(): () => void {
  const timer = setInterval(() => {
    const { devices } = useStage.getState();
    const sample = sampleOf(leadersOf(devices));
    useHistory.setState(({ samples }) => ({ samples: [...samples, sample].slice(-KEPT) }));
  }, 1000);
  return () => clearInterval(timer);
}

function sampleOf(leaders: readonly Report[]): Sample {
  const metrics = leaders.map((report) => report.metrics).filter((known) => known !== null);
  const most = (values: (number | null)[]) => values.filter((value) => value !== null).reduce<number | null>((top, value) => Math.max(top ?? value, value), null);
  const least = (values: (number | null)[]) => values.filter((value) => value !== null).reduce<number | null>((low, value) => Math.min(low ?? value, value), null);
  return {
    messages: metrics.reduce((sum, { messagesPerSecond }) => sum + messagesPerSecond, 0),
    latency: most(metrics.map(({ latency }) => latency.event.p50)),
    uptime: least(metrics.map(({ uptime }) => uptime)),
    reconnects: metrics.reduce((sum, { reconnects }) => sum + reconnects, 0),
    failures: most(metrics.map(({ failureRate }) => failureRate)),
    conflicts: most(metrics.map(({ conflictRate }) => conflictRate)),
  };
}
