import { useRef, useState } from "react";
import type { KeyboardEvent, PointerEvent, RefObject } from "react";
import type { Block } from "./api";
import { CLOSES, DAY, OPENS, STEP, dayOf } from "./time";
import type { Span } from "./time";

/** A pointer has to go so far before it drags. */
const SLACK = 4;

interface Grid {
  readonly element: RefObject<HTMLDivElement | null>;
  readonly days: readonly number[];
}

interface Carried {
  /** Where it would be put down now; `null` while nobody carries it. */
  readonly to: Span | null;
  readonly byKeyboard: boolean;
}

const NOWHERE: Carried = { to: null, byKeyboard: false };

/** How a block is carried: by a pointer, or by the keyboard. */
export interface Carrying extends Carried {
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
    readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
    readonly onPointerUp: () => void;
    readonly onPointerCancel: () => void;
    readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
    readonly onBlur: () => void;
  };
}

/** Carries a block over the grid. `carried` hears where it is, and `null` when it is nowhere any more. */
export function useDrag(block: Block, grid: Grid, carried: (to: Span | null) => void, drop: (to: Span) => void): Carrying {
  const [shown, show] = useState<Carried>(NOWHERE);
  // The same at once: events may come faster than renders.
  const now = useRef<Carried>(NOWHERE);
  const grip = useRef<{ x: number; y: number; above: number; dragging: boolean } | null>(null);
  const length = block.end - block.start;

  const carry = (next: Carried) => {
    now.current = next;
    show(next);
    carried(next.to);
  };
  const end = (put: boolean) => {
    const span = now.current.to;
    grip.current = null;
    carry(NOWHERE);
    if (put && span !== null && span.start !== block.start) drop(span);
  };
  const spanAt = (day: number, time: number): Span => {
    const start = Math.min(Math.max(Math.round(time / STEP) * STEP, OPENS), CLOSES - length);
    return { start: day + start, end: day + start + length };
  };
  const under = (x: number, y: number): Span | null => {
    const rect = grid.element.current?.getBoundingClientRect();
    if (rect === undefined) return null;
    const column = Math.floor(((x - rect.left) / rect.width) * grid.days.length);
    const day = grid.days[Math.min(Math.max(column, 0), grid.days.length - 1)];
    if (day === undefined) return null;
    return spanAt(day, OPENS + ((y - rect.top) / rect.height) * (CLOSES - OPENS));
  };
  const step = (days: number, steps: number) => {
    const from = now.current.to ?? block;
    const day = dayOf(from.start);
    const index = grid.days.indexOf(day) + days;
    carry({ to: spanAt(grid.days[index] ?? day, from.start - day + steps * STEP), byKeyboard: true });
  };

  return {
    ...shown,
    handlers: {
      onPointerDown: (event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        const { top } = event.currentTarget.getBoundingClientRect();
        grip.current = { x: event.clientX, y: event.clientY, above: event.clientY - top, dragging: false };
      },
      onPointerMove: ({ clientX, clientY }) => {
        const held = grip.current;
        if (held === null) return;
        held.dragging ||= Math.hypot(clientX - held.x, clientY - held.y) > SLACK;
        if (!held.dragging) return;
        const span = under(clientX, clientY - held.above);
        if (span !== null && span.start !== now.current.to?.start) carry({ to: span, byKeyboard: false });
      },
      onPointerUp: () => grip.current !== null && end(true),
      onPointerCancel: () => end(false),
      onKeyDown: (event) => {
        const keys: Record<string, () => void> = now.current.byKeyboard
          ? {
              ArrowUp: () => step(0, -1),
              ArrowDown: () => step(0, 1),
              ArrowLeft: () => step(-1, 0),
              ArrowRight: () => step(1, 0),
              Escape: () => end(false),
              Enter: () => end(true),
              " ": () => end(true),
            }
          : {
              Enter: () => carry({ to: { start: block.start, end: block.end }, byKeyboard: true }),
            };
        keys[" "] ??= keys["Enter"] ?? (() => undefined);
        const act = keys[event.key];
        if (act === undefined) return;
        event.preventDefault();
        act();
      },
      onBlur: () => now.current.byKeyboard && end(false),
    },
  };
}

/** Which part of the grid a span has: its column, and minutes from the top. */
export function placeOf({ start, end }: Span, days: readonly number[]): { column: number; from: number; minutes: number } {
  const day = dayOf(start);
  return {
    column: Math.max(0, Math.round((day - (days[0] ?? day)) / DAY)),
    from: (start - day - OPENS) / 60_000,
    minutes: (end - start) / 60_000,
  };
}
