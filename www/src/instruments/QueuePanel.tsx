import { useConflicts, useConnection, useQueue } from "everfresh/react";
import type { QueueItem } from "everfresh";
import { useNow, until } from "../ui/clock";
import { ConflictCard } from "./ConflictCard";
import { DeadLetter } from "./DeadLetter";
import { useTitles, wordsOf } from "./queueWords";
import "./QueuePanel.css";

/** How many of those that wait are shown one by one. */
const SHOWN = 5;

const STATES: Record<QueueItem["state"], string> = {
  waiting: "waits",
  running: "on its way",
  "parked-newer": "waits for a newer page",
  "parked-unknown": "waits for a page that knows it",
  dead: "failed",
  conflict: "conflict",
  newer: "of a newer page",
  damaged: "cannot be read",
};

/** The changes of all tabs that are not through: those that wait, those that failed, those that need a decision. */
export function QueuePanel() {
  const { count, state, dead, conflicts, nextRetry, drain, items, more, flush, error } = useQueue("queue");
  const { items: letters, retry } = useQueue("dead");
  const { items: clashes } = useConflicts();
  const { status } = useConnection();
  const titles = useTitles();
  const now = useNow(nextRetry !== null);
  const empty = items.length === 0 && letters.length === 0 && clashes.length === 0;
  return (
    <section className="card queue" id="queue" aria-labelledby="queue-title" data-testid="queue" data-count={count} data-dead={dead} data-conflicts={conflicts}>
      <div className="queue-head">
        <h2 id="queue-title">Queue</h2>
        <p className="queue-sum number" role="status" data-testid="queue-sum">
          {sumOf(count - dead - conflicts, dead, conflicts)}
        </p>
      </div>
      {empty && (
        <p className="queue-words">
          Everything is saved. A change is stored before it is sent: it outlives a reload, a crash and a lost
          connection.
        </p>
      )}
      {drain !== null && drain.total > 0 && (
        <div className="queue-drain">
          <progress value={drain.done} max={drain.total} aria-label="Sent of what had waited" />
          <span className="number">
            {drain.done} of {drain.total}
          </span>
        </div>
      )}
      {items.length > 0 && (
        <>
          <ol className="queue-list" aria-label="Waiting" data-testid="queue-list">
            {items.slice(0, SHOWN).map((item) => (
              <li key={item.id} className="queue-item" data-state={item.state}>
                <span className="queue-item-words">{wordsOf(item, titles)}</span>
                <span className="queue-item-state">{STATES[item.state]}</span>
              </li>
            ))}
          </ol>
          <p className="queue-foot">
            <span>
              {items.length > SHOWN || more ? `and ${more ? "more than " : ""}${items.length - SHOWN} more. ` : ""}
              {state === "offline" || status === "offline" || status === "reconnecting"
                ? "Goes out when the server is back."
                : nextRetry !== null
                  ? `Next try ${until(nextRetry - now)}.`
                  : ""}
            </span>
            <button type="button" className="button button-small" data-testid="queue-flush" onClick={() => void flush()}>
              Try now
            </button>
          </p>
        </>
      )}
      {clashes.map((item) => (
        <ConflictCard key={item.id} item={item} titles={titles} />
      ))}
      {letters.map((item) => (
        <DeadLetter key={item.id} item={item} titles={titles} />
      ))}
      {letters.length > 1 && (
        <p className="queue-foot">
          <span />
          <button type="button" className="button button-small" onClick={() => void retry()}>
            Retry all that failed
          </button>
        </p>
      )}
      {error && <p className="queue-words" role="alert">The list could not be read: {error.message}</p>}
    </section>
  );
}

function sumOf(waiting: number, dead: number, conflicts: number): string {
  const parts = [
    waiting > 0 ? `${waiting} waiting` : "",
    dead > 0 ? `${dead} failed` : "",
    conflicts > 0 ? `${conflicts} to decide` : "",
  ].filter(Boolean);
  return parts.length === 0 ? "empty" : parts.join(", ");
}
