import { useState } from "react";
import { CircleDoing, CircleDone, CircleTodo, Trash } from "../../ui/icons";
import type { Task, TaskStatus } from "./api";

const STATUS: Record<TaskStatus, { text: string; next: TaskStatus; Icon: () => React.JSX.Element }> = {
  todo: { text: "To do", next: "doing", Icon: CircleTodo },
  doing: { text: "Doing", next: "done", Icon: CircleDoing },
  done: { text: "Done", next: "todo", Icon: CircleDone },
};

interface Props {
  task: Task;
  /** Whether a row that appears now is news. */
  flashNew: boolean;
  saving: boolean;
  setStatus: (status: TaskStatus) => void;
  remove: () => void;
}

export function TaskRow({ task, flashNew, saving, setStatus, remove }: Props) {
  const [first] = useState({ version: task.version, news: flashNew });
  const { text, next, Icon } = STATUS[task.status];
  const flashes = first.news || task.version !== first.version;
  return (
    <li
      className="task"
      data-testid="task-item"
      data-id={task.id}
      data-status={task.status}
      data-version={task.version}
    >
      {/* Another key is another element, and so the same light once more. */}
      {flashes && <span key={task.version} className="task-flash" />}
      <button
        type="button"
        className="icon-button task-status"
        data-testid="task-status"
        aria-label={`${text}: ${task.title}. Set to ${STATUS[next].text.toLowerCase()}`}
        aria-busy={saving}
        onClick={() => setStatus(next)}
      >
        <Icon />
      </button>
      <span className="task-title">{task.title}</span>
      <span className="task-state" aria-hidden="true">
        {text}
      </span>
      <span className="task-version number" title="How often this record was written">
        v{task.version}
      </span>
      <button
        type="button"
        className="icon-button task-delete"
        data-testid="task-delete"
        aria-label={`Delete: ${task.title}`}
        onClick={remove}
      >
        <Trash />
      </button>
    </li>
  );
}
