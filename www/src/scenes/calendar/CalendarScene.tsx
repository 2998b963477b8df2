import { useChannel, useConnection, useEvent, useFreshness } from "everfresh/react";
import { useRef, useState } from "react";
import { clockTime } from "../../ui/clock";
import { Chevron } from "../../ui/icons";
import type { Block } from "./api";
import { dayKey } from "./api";
import { BlockCard, placed } from "./BlockCard";
import type { Clash } from "./BlockCard";
import { ClashPanel } from "./ClashPanel";
import { freeNear, overlaps } from "./slots";
import { CLOSES, DAY, HOUR, OPENS, clockOf, dateOf, dayOf, mondayOf, spanWords, weekdayOf } from "./time";
import type { Span } from "./time";
import { useRefusedMoves } from "./useLetters";
import { useDayCount, useDays } from "./useWeek";
import "./calendar.css";

const WEEK = 5;
const HELP = "Drag a block, or press Enter on it and use the arrow keys. Times are UTC.";
const HOURS = Array.from({ length: (CLOSES - OPENS) / HOUR }, (_, index) => OPENS + index * HOUR);

/**
 * A week of blocks that can be carried to another time, by pointer or keyboard.
 *
 * @param channel on which moves are told; none where the backend tells everything to everybody
 * @param title what it has for a heading
 */
export function CalendarScene({ channel = "calendar", title = <h1>Calendar</h1> }: { channel?: string | null; title?: React.ReactNode }) {
  useChannel(channel);
  const count = useDayCount();
  const [monday] = useState(() => mondayOf(Date.now()));
  // Where there is no room for all, today is among what is seen first.
  const [from, setFrom] = useState(() => firstShown(monday));
  const first = Math.min(from, WEEK - count);
  const { days, blocks, loaded, failed, askedAt } = useDays(monday + first * DAY, count);
  const [held, setHeld] = useState<{ block: Block; to: Span } | null>(null);
  const [clash, setClash] = useState<Clash | null>(null);
  const refused = useRefusedMoves();
  const grid = useRef<HTMLDivElement>(null);
  const taken = held === null ? [] : overlaps(blocks, held.block.id, held.to);
  const offers = held === null || taken.length === 0 ? [] : freeNear(blocks, held.block.id, held.to, 3);
  return (
    <div className="calendar">
      <div className="scene-head">
        <div>
          {title}
          <Freshness day={days[0] ?? monday} failed={failed} />
        </div>
        {count < WEEK && (
          <div className="calendar-turn">
            <button type="button" className="icon-button" aria-label="Earlier days" data-testid="earlier-days" disabled={first === 0} onClick={() => setFrom(first - 1)}>
              <Chevron />
            </button>
            <button
              type="button"
              className="icon-button"
              aria-label="Later days"
              disabled={first === WEEK - count}
              onClick={() => setFrom(first + 1)}
            >
              <Chevron />
            </button>
          </div>
        )}
      </div>
      <p hidden id="calendar-help">
        {HELP}
      </p>
      {/* Its room is kept, so that the grid stays where it is. */}
      <div className="calendar-notice" aria-live="polite">
        {clash !== null ? (
          <ClashPanel clash={clash} blocks={blocks} over={() => setClash(null)} />
        ) : held !== null ? (
          <p data-testid="held-words" data-taken={taken.length > 0}>
            {held.block.title}: {spanWords(held.to)}
            {taken.length > 0 && `, taken by ${taken.map(({ title }) => title).join(" and ")}`}
            {offers.length > 0 && `. Free: ${offers.map(({ start }) => clockOf(start)).join(", ")}`}
          </p>
        ) : (
          <LastMove />
        )}
      </div>
      <div className="card week" data-testid="calendar" data-loaded={loaded} aria-busy={!loaded}>
        <div className="week-days" style={{ "--days": count } as React.CSSProperties}>
          {days.map((day, index) => (
            <div key={day} className="week-day" data-today={dayOf(Date.now()) === day}>
              <p>
                <strong>{weekdayOf(day)}</strong> <span>{dateOf(day)}</span>
              </p>
              <AskedAt at={askedAt[index] ?? 0} />
            </div>
          ))}
        </div>
        <div className="week-body">
          <ol className="week-hours number" aria-hidden="true">
            {HOURS.map((hour) => (
              <li key={hour}>{clockOf(hour)}</li>
            ))}
          </ol>
          <div ref={grid} className="week-grid" style={{ "--days": count } as React.CSSProperties}>
            {offers.map((span) => (
              <span key={span.start} className="block-offer number" style={placed(span, days)} aria-hidden="true">
                {clockOf(span.start)}
              </span>
            ))}
            {blocks.map((block) => (
              <BlockCard
                key={block.id}
                block={block}
                grid={grid}
                days={days}
                refused={refused.get(block.id)}
                overlapped={taken.some(({ id }) => id === block.id)}
                carried={(one, to) => {
                  setHeld(to === null ? null : { block: one, to });
                  if (to !== null) setClash(null);
                }}
                isTaken={(to) => overlaps(blocks, block.id, to).length > 0}
                clash={setClash}
              />
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

/** The day before today, if that is one of work. At a weekend the week is over, and seen from its beginning. */
function firstShown(monday: number): number {
  const today = (dayOf(Date.now()) - monday) / DAY;
  return today < WEEK ? Math.max(0, today - 1) : 0;
}

/** Says how far the calendar can be trusted, in one line at all times. */
function Freshness({ day, failed }: { day: number; failed: boolean }) {
  const { status } = useConnection();
  const contract = useFreshness(dayKey(day));
  const live = status === "connected" && !failed;
  const old = contract?.state === "violated" || contract?.state === "stale";
  return (
    <p className="freshness" data-live={live}>
      {!live ? "Not live now" : old ? "Asking the server" : "Up to date with the server"}
    </p>
  );
}

/** When a day was last asked for. Each is a query of its own: a move asks for the days that it left and came to. */
function AskedAt({ at }: { at: number }) {
  // Another moment is another element, and so the same light once more.
  return (
    <p key={at} className="week-asked number" title="When this day was last asked for">
      <span className="visually-hidden">Asked for at </span>
      {at === 0 ? "–" : clockTime(at)}
    </p>
  );
}

/** What the server told of last: who moved what, and by which layer it came. */
function LastMove() {
  const { transport } = useConnection();
  const [last, setLast] = useState<string | null>(null);
  useEvent("timeblock_updated", ({ timeblock }, { at }) => {
    const to = { start: Date.parse(timeblock.start_time), end: Date.parse(timeblock.end_time) };
    setLast(`${timeblock.title} went to ${spanWords(to)}, told ${at === null ? "" : `at ${clockTime(at)} `}by ${transport ?? "another tab"}`);
  });
  return <p className="calendar-quiet">{last ?? HELP}</p>;
}
