import { useEffect, useState } from "react";

/** The present time, renewed every second while `running`. */
export function useNow(running = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

/** A span of time in its largest unit: "12 s", "3 min", "2 h". */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A time of the day, to the second. */
export function clockTime(ms: number): string {
  return CLOCK.format(ms);
}

/** A wait in full seconds, of which the one that has begun counts. */
export function until(ms: number): string {
  return ms <= 0 ? "now" : `in ${span(ms + 999)}`;
}
