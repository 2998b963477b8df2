import type { FieldLock } from "everfresh/react";
import { useTyping } from "everfresh/react";
import { useEffect, useRef, useState } from "react";
import type { FormEvent, KeyboardEvent } from "react";
import type { ShownTask } from "./api";
import { ROOM, titleField } from "./room";

interface Props {
  task: ShownTask;
  /** What the record was when the user began. */
  from: { title: string; version: number };
  lock: FieldLock;
  save: (title: string) => void;
  cancel: () => void;
}

const LOST: Record<string, string> = {
  expired: "Your hold on this title has ended: others may edit it.",
  taken: "Somebody else has this title now.",
  refused: "This title cannot be held now.",
};

/** A title that is edited, under a lease: nobody else can until it is saved, left, or forgotten for 30 s. */
export function TitleEditor({ task, from, lock, save, cancel }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [title, setTitle] = useState(from.title);
  const { type } = useTyping(ROOM, titleField(task.id));
  const over = useRef(false);

  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  useEffect(() => () => type(null), [type]);

  /** Once: what closes the editor takes the focus away too. */
  const end = (done: () => void) => {
    if (over.current) return;
    over.current = true;
    done();
  };
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    // The server says what a title may be, and its refusal is shown in the row.
    end(() => save(title.trim()));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") end(cancel);
  };
  const hint =
    lock.state === "lost"
      ? (LOST[lock.why ?? ""] ?? "Your hold on this title has ended.")
      : lock.state === "held"
        ? "Yours alone while you edit. Enter saves, Escape leaves it."
        : "Enter saves, Escape leaves it.";
  return (
    <form
      className="title-editor"
      onSubmit={submit}
      onBlur={(event) => {
        // Where only another window came to the front the user is in this field still, and has it.
        if (document.activeElement !== event.target) submit();
      }}
      data-testid="title-editor"
      data-lease={lock.state}
    >
      <input
        ref={field}
        className="field"
        data-testid="title-input"
        aria-label={`Title of: ${from.title}`}
        aria-describedby={`hint-${task.id}`}
        autoComplete="off"
        value={title}
        {...lock.input}
        onInput={() => {
          lock.input.onInput();
          type(titleField(task.id));
        }}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p id={`hint-${task.id}`} className="title-hint" role="status">
        {hint}
      </p>
    </form>
  );
}
