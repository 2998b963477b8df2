import { useEverfresh } from "everfresh/react";
import type { Explanation, QueryKey } from "everfresh";
import { useEffect, useId, useRef, useState } from "react";
import { clockTime } from "../ui/clock";
import { Close } from "../ui/icons";
import { stateOf, wordsOf } from "./journalWords";

/** Why a family of queries is as it is: what was decided about it, the newest first. */
export function Explain({ family, over }: { family: QueryKey; over: () => void }) {
  const live = useEverfresh();
  const dialog = useRef<HTMLDialogElement>(null);
  const [told, setTold] = useState<Explanation>();
  const title = useId();
  const key = JSON.stringify(family);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  useEffect(() => {
    const look = () => setTold(live.explain(JSON.parse(key) as QueryKey));
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [live, key]);
  return (
    <dialog
      ref={dialog}
      className="explain"
      aria-labelledby={title}
      data-testid="explain"
      onClose={over}
      // Beside it is the backdrop.
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div className="explain-inner">
        <div className="explain-head">
          <h2 id={title}>
            Why <code>{key}</code> is as it is
          </h2>
          <form method="dialog">
            <button className="icon-button" aria-label="Close">
              <Close />
            </button>
          </form>
        </div>
        {told === undefined ? (
          <p>There is no engine that could say it.</p>
        ) : (
          <>
            <p className="explain-words">{stateOf(told)}</p>
            <ol className="explain-chain" tabIndex={0} aria-label="What was decided, the newest first" data-testid="explain-chain">
              {[...told.chain].reverse().map((entry, index) => {
                const { what, who } = wordsOf(entry);
                return (
                  <li key={index}>
                    <time className="number" dateTime={new Date(entry.at).toISOString()}>
                      {clockTime(entry.at)}
                    </time>
                    <span className="explain-what">{what}</span>
                    <span className="explain-who">{who}</span>
                  </li>
                );
              })}
            </ol>
            <details className="explain-raw" data-testid="explain-raw">
              <summary>The same as JSON</summary>
              <pre tabIndex={0} aria-label="What was decided, as JSON">
                {JSON.stringify(told, null, 2)}
              </pre>
            </details>
          </>
        )}
      </div>
    </dialog>
  );
}
