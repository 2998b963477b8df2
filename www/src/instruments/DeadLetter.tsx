import { useQueue } from "everfresh/react";
import type { QueueItem } from "everfresh";
import { useState } from "react";
import type { FormEvent } from "react";
import { reasonOf } from "../scenes/tasks/useTaskWrites";
import { wordsOf } from "./queueWords";

/** A change that failed for good: it waits for the user, in every tab and after every reload. */
export function DeadLetter({ item, titles }: { item: QueueItem; titles: ReadonlyMap<string, string> }) {
  const { retry, edit, discard } = useQueue();
  const vars = item.vars as { title?: unknown } | undefined;
  const [title, setTitle] = useState<string | null>(null);
  const editable = typeof vars?.title === "string";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void edit(item.id, { ...vars, title: title?.trim() });
    setTitle(null);
  };
  return (
    <article className="letter" data-testid="dead-letter" data-name={item.name}>
      <p className="letter-what">{wordsOf(item, titles)}</p>
      <p className="letter-why">
        {item.why === "exhausted" ? "Given up" : "Refused"}: {reasonOf(item)}
      </p>
      {title === null ? (
        <div className="letter-choices">
          <button type="button" className="button button-small" data-testid="dead-retry" onClick={() => void retry(item.id)}>
            Retry
          </button>
          {editable && (
            <button
              type="button"
              className="button button-small"
              data-testid="dead-edit"
              onClick={() => setTitle(String(vars?.title))}
            >
              Edit
            </button>
          )}
          <button
            type="button"
            className="button button-small"
            data-testid="dead-discard"
            onClick={() => void discard(item.id)}
          >
            Discard
          </button>
        </div>
      ) : (
        <form className="letter-form" onSubmit={submit}>
          <input
            className="field"
            aria-label="Title to be sent instead"
            data-testid="dead-title"
            autoFocus
            value={title}
            onChange={(event) => setTitle(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setTitle(null)}
          />
          <button type="submit" className="button button-small" data-testid="dead-send">
            Send
          </button>
        </form>
      )}
    </article>
  );
}
