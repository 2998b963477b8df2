import { useState } from "react";
import { HttpError } from "../net/http";
import { firstNameOf } from "../people/people";
import { CalendarScene } from "../scenes/calendar/CalendarScene";
import type { Block } from "../scenes/calendar/api";
import { freeNear } from "../scenes/calendar/slots";
import { DAY, dayOf, mondayOf } from "../scenes/calendar/time";
import "../scenes/tasks/tasks.css";
import { asOther, other } from "./other";
import type { Way } from "./ways";

/** The week of the calendar, and somebody else's device that moves its blocks. */
export function Calendar({ way }: { way: Way }) {
  const [problem, setProblem] = useState("");
  return (
    <section className="backends-calendar" aria-labelledby="backends-calendar">
      <CalendarScene channel={way.blocks} title={<h2 id="backends-calendar">The week</h2>} />
      <div className="backends-buttons">
        <button
          type="button"
          className="button button-primary"
          data-testid="somebody-else-moves"
          onClick={() => {
            setProblem("");
            moveOne().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
          }}
        >
          Move a block as {firstNameOf(other.id)}
        </button>
        <p className="backends-problem" role="status">
          {problem}
        </p>
      </div>
    </section>
  );
}

/**
 * Moves a block to another free time of its day: one of today, which is on every screen, if there is any. Of that this page hears by
 * its backend alone.
 */
async function moveOne(): Promise<void> {
  const monday = mondayOf(Date.now());
  const blocks = (await asOther("GET", `/api/blocks?from=${monday}&to=${monday + 5 * DAY}`)) as Block[];
  const today = dayOf(Date.now());
  const away = ({ start }: Block) => (dayOf(start) === today ? 0 : start);
  for (const { id, start, end } of [...blocks].sort((one, next) => away(one) - away(next))) {
    const [to] = freeNear(blocks, id, { start, end }, 9).filter((span) => span.start !== start);
    if (to === undefined) continue;
    await asOther("PATCH", `/api/blocks/${encodeURIComponent(id)}`, to);
    return;
  }
  throw new HttpError(409, "no block of the week has a free time beside it");
}
