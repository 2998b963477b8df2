export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Blocks begin and end at these steps. */
export const STEP = 15 * MINUTE;

/** What is shown of a day. */
export const OPENS = 8 * HOUR;
export const CLOSES = 18 * HOUR;

/** From when until when, in milliseconds since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export const iso = (ms: number) => new Date(ms).toISOString();

/** The first moment of a day. All times of the calendar are UTC, so that all devices show the same. */
export const dayOf = (ms: number) => Math.floor(ms / DAY) * DAY;

/** The Monday of a week: 1970 began on a Thursday. */
export const mondayOf = (ms: number) => dayOf(ms) - ((Math.floor(ms / DAY) + 3) % 7) * DAY;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export const clockOf = (ms: number) => CLOCK.format(ms);
export const weekdayOf = (ms: number) => WEEKDAY.format(ms);
export const dateOf = (ms: number) => DATE.format(ms);

/** "Tue 10:00–11:30" */
export const spanWords = ({ start, end }: Span) => `${weekdayOf(start)} ${clockOf(start)}–${clockOf(end)}`;
