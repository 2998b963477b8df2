import type { MutationError, QueueItem } from "everfresh";
import { useEverfresh, useLiveMutation } from "everfresh/react";
import type { CSSProperties, RefObject } from "react";
import { reasonOf } from "../tasks/useTaskWrites";
import type { Block } from "./api";
import { HOUR, clockOf, weekdayOf } from "./time";
import type { Span } from "./time";
import { placeOf, useDrag } from "./useDrag";

/** A block that somebody put down where another one is. */
export interface Clash {
  readonly block: Block;
  readonly to: Span;
  readonly move: (to: Span) => void;
}

interface Props {
  block: Block;
  grid: RefObject<HTMLDivElement | null>;
  days: readonly number[];
  /** A move of it that was refused, and waits for the user. */
  refused: QueueItem | undefined;
  /** Another one is carried over it. */
  overlapped: boolean;
  carried: (block: Block, to: Span | null) => void;
  /** Whether a span is taken for this block. */
  isTaken: (to: Span) => boolean;
  clash: (clash: Clash) => void;
}

/** One block: it can be carried, shows how its last move stands, and says why it came back. */
export function BlockCard({ block, grid, days, refused, overlapped, carried, isTaken, clash }: Props) {
  const { queue } = useEverfresh();
  const last = useLiveMutation("moveBlock");
  const move = (to: Span) => {
    last.mutate({ block: block.id, name: block.title, from: { start: block.start, end: block.end }, to: { start: to.start, end: to.end } });
  };
  const carrying = useDrag(
    block,
    { element: grid, days },
    (to) => carried(block, to),
    (to) => (isTaken(to) ? clash({ block, to, move }) : move(to)),
  );
  const shown = carrying.to ?? block;
  const held = carrying.to !== null;
  const taken = held && isTaken(shown);
  // What was not even accepted, for want of room, is in no list.
  const unaccepted = last.state === "failed" && (last.error as MutationError).id === undefined;
  const state = refused !== undefined || unaccepted ? "failed" : last.state === "failed" ? "idle" : last.state;
  const why = refused !== undefined ? reasonOf(refused) : unaccepted ? last.error?.message : undefined;
  const discard = () => {
    last.reset();
    if (refused !== undefined) void queue.discard(refused.id);
  };
  return (
    <>
      {held && <span className="block-origin" style={placed(block, days)} aria-hidden="true" />}
      <div
        className="block"
        data-testid="block"
        data-id={block.id}
        data-kind={block.kind}
        data-state={state}
        data-held={held}
        data-short={block.end - block.start <= HOUR}
        data-conflict={taken || overlapped}
        data-start={block.start}
        style={placed(shown, days)}
      >
        {/* Another state is another element, and so its motion begins anew. */}
        {state !== "idle" && <span key={state} className="block-light" data-state={state} />}
        <button
          type="button"
          className="block-button"
          data-testid="block-button"
          aria-pressed={carrying.byKeyboard}
          aria-describedby="calendar-help"
          data-title={block.title}
          {...carrying.handlers}
        >
          <span className="block-title">{block.title}</span>
          {/* Where there is no room for it it is there for whoever hears the page. */}
          <span className={block.end - block.start < HOUR ? "visually-hidden" : "block-time number"}>
            <span className="visually-hidden">{weekdayOf(shown.start)} </span>
            {clockOf(shown.start)}
            <span className="block-until">–{clockOf(shown.end)}</span>
          </span>
          {taken && <span className="visually-hidden">, this time is taken</span>}
        </button>
        {why !== undefined && (
          <div className="block-trouble" role="alert" data-testid="block-trouble">
            <p>Moved back: {why}.</p>
            <button type="button" className="button button-small" data-testid="block-discard" onClick={discard}>
              Discard the move
            </button>
          </div>
        )}
        <span role="status" className="visually-hidden">
          {WORDS[state]}
        </span>
      </div>
    </>
  );
}

const WORDS = {
  idle: "",
  moving: "Moving",
  saved: "Moved",
  failed: "Moved back",
  conflict: "Somebody else moved it too",
} as const;

/** Set by the style sheet's own rules, from these numbers. */
export function placed(span: Span, days: readonly number[]): CSSProperties {
  const { column, from, minutes } = placeOf(span, days);
  return { "--column": column, "--from": from, "--minutes": minutes } as CSSProperties;
}
