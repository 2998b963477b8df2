import { useConflicts } from "everfresh/react";
import type { QueueItem } from "everfresh";
import { useId, useState } from "react";
import type { FormEvent } from "react";
import { wordsOf } from "./queueWords";

/** Two people changed one field: the user says which side wins, or writes what both meant. */
export function ConflictCard({ item, titles }: { item: QueueItem; titles: ReadonlyMap<string, string> }) {
  const { resolve } = useConflicts();
  const vars = item.vars as { title?: unknown } | undefined;
  const theirs = item.body as { title?: unknown; version?: unknown } | undefined;
  const mine = typeof vars?.title === "string" ? vars.title : "";
  const other = typeof theirs?.title === "string" ? theirs.title : undefined;
  const [merged, setMerged] = useState(mine);
  const label = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void resolve(item.id, "merged", { ...vars, title: merged.trim(), version: theirs?.version, was: other, guard: null });
  };
  return (
    // It asks something and keeps nobody from going on: a dialog without a backdrop.
    <div className="letter" role="dialog" tabIndex={-1} data-testid="conflict" aria-labelledby={label}>
      <p className="letter-what" id={label}>
        {wordsOf(item, titles)}
      </p>
      {other === undefined ? (
        <p className="letter-why">Somebody else has taken this field since.</p>
      ) : (
        <dl className="conflict-sides">
          <dt>Theirs</dt>
          <dd data-testid="conflict-theirs">{other}</dd>
          <dt>Yours</dt>
          <dd data-testid="conflict-mine">{mine}</dd>
        </dl>
      )}
      <div className="letter-choices">
        <button type="button" className="button button-small" data-testid="take-theirs" onClick={() => void resolve(item.id, "server")}>
          Keep theirs
        </button>
        <button type="button" className="button button-small" data-testid="take-mine" onClick={() => void resolve(item.id, "client")}>
          Keep yours
        </button>
      </div>
      {other !== undefined && (
        <form className="letter-form" onSubmit={submit}>
          <input
            className="field"
            aria-label="Or what both mean"
            data-testid="merged-title"
            value={merged}
            onChange={(event) => setMerged(event.target.value)}
          />
          <button type="submit" className="button button-small" data-testid="take-merged">
            Save this
          </button>
        </form>
      )}
    </div>
  );
}
