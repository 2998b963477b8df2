import { useFieldLock, useTyping } from "everfresh/react";
import { memo, useEffect, useRef, useState } from "react";
import { Avatar } from "../../people/Avatar";
import { firstNameOf, useSession } from "../../people/people";
import { CircleDoing, CircleDone, CircleTodo, Lock, Pencil, Trash } from "../../ui/icons";
import type { ShownTask, TaskStatus } from "./api";
import { ROOM, titleField } from "./room";
import { TitleEditor } from "./TitleEditor";
import { useTaskWrites } from "./useTaskWrites";
import type { Letters } from "./useTaskWrites";
import { WriteChip } from "./WriteChip";

const STATUS: Record<TaskStatus, { text: string; next: TaskStatus; Icon: () => React.JSX.Element }> = {
  todo: { text: "To do", next: "doing", Icon: CircleTodo },
  doing: { text: "Doing", next: "done", Icon: CircleDoing },
  done: { text: "Done", next: "todo", Icon: CircleDone },
};

interface Props {
  task: ShownTask;
  /** Whether a row that appears now is news. */
  flashNew: boolean;
  letters: Letters | undefined;
  /** Says that this user edits the title, or not any more. */
  onEditing: (id: string | null) => void;
}

const NONE: Letters = {};

export const TaskRow = memo(function TaskRow({ task, flashNew, letters = NONE, onEditing }: Props) {
  const [first] = useState({ version: task.version, news: flashNew });
  const [editing, setEditing] = useState<{ title: string; version: number } | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const writes = useTaskWrites(task, letters);
  const { text, next, Icon } = STATUS[task.status];
  const flashes = (first.news || task.version !== first.version) && task.pending === undefined;
  const lock = useFieldLock(ROOM, titleField(task.id));
  const { typing } = useTyping(ROOM, titleField(task.id));
  const me = useSession(({ person }) => person.id);
  const holder = lock.state === "other" ? lock.holder : undefined;
  const heldBy = holder === undefined ? undefined : holder?.user === me ? "You, in another tab" : firstNameOf(holder?.user);
  const provisional = task.pending === "new";

  const open = (title = task.title) => {
    setEditing({ title, version: task.version });
    onEditing(task.id);
  };
  const close = () => {
    lock.release();
    setEditing(null);
    onEditing(null);
  };
  // Whoever came by the keyboard goes on where they were.
  const wasEditing = useRef(false);
  useEffect(() => {
    if (wasEditing.current && editing === null && document.activeElement === document.body) opener.current?.focus();
    wasEditing.current = editing !== null;
  }, [editing]);

  return (
    <li
      className="task"
      data-testid="task-item"
      data-id={task.id}
      data-status={task.status}
      data-version={task.version}
      data-state={task.pending === "new" ? "moving" : writes.state}
      data-gone={task.pending === "gone"}
    >
      {/* Another key is another element, and so the same light once more. */}
      {flashes && <span key={task.version} className="task-flash" />}
      <button
        type="button"
        className="icon-button task-status"
        data-testid="task-status"
        aria-label={`${text}: ${task.title}. Set to ${STATUS[next].text.toLowerCase()}`}
        aria-busy={writes.state === "moving"}
        disabled={provisional}
        onClick={() => writes.setStatus(next)}
      >
        <Icon />
      </button>
      {editing === null ? (
        <button
          ref={opener}
          type="button"
          className="task-title"
          data-testid="task-rename"
          disabled={provisional || heldBy !== undefined}
          aria-label={`${task.title}. ${heldBy === undefined ? "Rename" : `Held by ${heldBy}`}`}
          onClick={() => open()}
        >
          <span className="task-title-text">{task.title}</span>
          {heldBy === undefined && !provisional && <Pencil />}
        </button>
      ) : (
        <TitleEditor
          from={editing}
          task={task}
          lock={lock}
          save={(title) => {
            if (title !== task.title) {
              writes.rename({ title, was: editing.title, version: editing.version, guard: lock.guard ?? null });
            }
            close();
          }}
          cancel={close}
        />
      )}
      <span className="task-end">
        {heldBy === undefined ? (
          <WriteChip state={provisional ? "moving" : writes.state} rest={text} />
        ) : (
          <span className="task-held" data-testid="task-held" data-holder={holder?.user ?? ""}>
            {holder?.user === me ? <Lock /> : <Avatar user={holder?.user} small />}
            <span>
              {heldBy}
              <span className="visually-hidden"> {typing.length > 0 ? "types" : "has this field"}</span>
            </span>
            {typing.length > 0 && <TypingDots />}
          </span>
        )}
      </span>
      <span className="task-version number" title="How often this record was written">
        {provisional ? "" : `v${task.version}`}
      </span>
      <button
        type="button"
        className="icon-button task-delete"
        data-testid="task-delete"
        aria-label={`Delete: ${task.title}`}
        disabled={task.pending !== undefined}
        onClick={writes.remove}
      >
        <Trash />
      </button>
      {writes.state === "failed" && (
        <div className="task-trouble" role="alert" data-testid="task-trouble">
          <p>Not saved: {writes.reason}.</p>
          <div className="task-trouble-choices">
            {letters.dead !== undefined && (
              <button type="button" className="button button-small" data-testid="task-retry" onClick={writes.retry}>
                Retry
              </button>
            )}
            <button type="button" className="button button-small" data-testid="task-discard" onClick={writes.discard}>
              Discard
            </button>
          </div>
        </div>
      )}
      {writes.state === "conflict" && (
        <div className="task-trouble" role="alert">
          <p>Somebody else changed the same field.</p>
          <a className="button button-small" href="#queue">
            Decide
          </a>
        </div>
      )}
    </li>
  );
});

/** Three dots that say that somebody types; the words beside them say it too. */
export function TypingDots() {
  return (
    <span className="typing-dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}
