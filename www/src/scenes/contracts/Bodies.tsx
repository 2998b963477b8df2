import type { MutationError } from "everfresh";
import { useContract, useLiveMutation } from "everfresh/react";
import { useState } from "react";
import type { FormEvent } from "react";
import { clockOf, spanWords } from "../calendar/time";
import type { Task, TaskStatus } from "../tasks/api";
import { useAdminPage, useBlocksPage, useTasksPage } from "./pages";

const NEXT: Record<TaskStatus, TaskStatus> = { todo: "doing", doing: "done", done: "todo" };

const SHOWN = 3;

/** The blocks of the week, of which the next ones are shown. */
export function Planner() {
  const { data } = useBlocksPage("planner");
  const now = Date.now();
  const next = data?.filter(({ end }) => end > now).slice(0, SHOWN);
  return (
    <ul className="page-list" data-testid="page-planner">
      {next?.map((block) => (
        <li key={block.id}>
          <span>{block.title}</span>
          <span className="number">{spanWords(block)}</span>
        </li>
      ))}
      {next?.length === 0 && <li>Nothing more this week.</li>}
    </ul>
  );
}

export function DailyPlan() {
  const { data } = useBlocksPage("dailyPlan");
  return (
    <ul className="page-list">
      {data?.slice(0, SHOWN).map((block) => (
        <li key={block.id}>
          <span>{block.title}</span>
          <span className="number">{clockOf(block.start)}</span>
        </li>
      ))}
      {data?.length === 0 && <li>Nothing is planned today.</li>}
    </ul>
  );
}

/** Quests and habits: one step at a time, shown before the server has heard of it. */
export function Steps({ page }: { page: "quests" | "habits" }) {
  const { data } = useTasksPage(page);
  const step = useLiveMutation("takeStep");
  // One that the server refused is in the queue, and is told of there.
  const unaccepted = step.state === "failed" && (step.error as MutationError).id === undefined;
  return (
    <>
      <ul className="page-list">
        {data?.slice(0, SHOWN).map((task) => (
          <li key={task.id}>
            <span>{task.title}</span>
            <button
              type="button"
              className="button button-small"
              data-testid={`step-${page}`}
              data-id={task.id}
              data-status={task.status}
              aria-label={`${task.title}: ${task.status}. Set to ${NEXT[task.status]}`}
              onClick={() => step.mutate({ page, task: task.id, to: NEXT[task.status] })}
            >
              {task.status}
            </button>
          </li>
        ))}
      </ul>
      {unaccepted && (
        <p className="page-trouble" role="alert" data-testid={`step-trouble-${page}`}>
          Not taken: {step.error?.message}.
        </p>
      )}
    </>
  );
}

export function Progress() {
  const { data } = useTasksPage("progress");
  const done = data?.filter(({ status }) => status === "done").length ?? 0;
  const all = data?.length ?? 0;
  return (
    <div className="page-body">
      <progress className="project-progress" value={done} max={Math.max(1, all)} aria-label="Done of all tasks" />
      <span className="number" data-testid="page-progress">
        {done} of {all} done
      </span>
    </div>
  );
}

/** While the form is open its contract is off: nothing is refreshed below somebody who writes. */
export function Books() {
  const { data } = useTasksPage("books");
  const { disable, enable } = useContract("books");
  const [title, setTitle] = useState<string | null>(null);
  const add = useLiveMutation("addBook");
  const close = () => {
    setTitle(null);
    enable();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (title?.trim()) add.mutate({ book: title.trim() });
    close();
  };
  return (
    <>
      <ul className="page-list" data-testid="page-books">
        {data?.slice(-SHOWN).map(({ id, title: book }: Task) => (
          <li key={id}>{book}</li>
        ))}
        {data?.length === 0 && <li>No books yet.</li>}
      </ul>
      {title === null ? (
        <button
          type="button"
          className="button button-small"
          data-testid="book-open"
          onClick={() => {
            setTitle("");
            disable();
          }}
        >
          Add a book
        </button>
      ) : (
        <form className="page-form" onSubmit={submit}>
          <input
            className="field"
            aria-label="Title of the book"
            data-testid="book-title"
            autoFocus
            maxLength={200}
            value={title}
            onChange={(event) => setTitle(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && close()}
          />
          <button type="submit" className="button button-small" data-testid="book-add">
            Add
          </button>
          <button type="button" className="button button-small" onClick={close}>
            Leave
          </button>
        </form>
      )}
    </>
  );
}

export function Admin() {
  const { data } = useAdminPage();
  return (
    <ul className="page-list">
      <li>
        <span>Connections</span>
        <span className="number">{data?.sockets_open ?? "–"}</span>
      </li>
      <li>
        <span>Events</span>
        <span className="number">{data?.events_total ?? "–"}</span>
      </li>
    </ul>
  );
}
