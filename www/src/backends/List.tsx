import { useQuery } from "@tanstack/react-query";
import { useEverfresh } from "everfresh/react";
import { useState } from "react";
import { firstNameOf } from "../people/people";
import { listTasks } from "../scenes/tasks/api";
import type { ShownTask, TaskStatus } from "../scenes/tasks/api";
import { LIST } from "../scenes/tasks/mutations";
import { CircleDoing, CircleDone, CircleTodo } from "../ui/icons";
import { asOther, other } from "./other";

const STATUS: Record<TaskStatus, { text: string; next: TaskStatus; Icon: () => React.JSX.Element }> = {
  todo: { text: "To do", next: "doing", Icon: CircleTodo },
  doing: { text: "Doing", next: "done", Icon: CircleDoing },
  done: { text: "Done", next: "todo", Icon: CircleDone },
};

/** The newest tasks, and what changes them: this page, and somebody else's device. */
export function List() {
  const live = useEverfresh();
  const { data: tasks = [] } = useQuery<ShownTask[]>({ queryKey: LIST, queryFn: ({ signal }) => listTasks(null, signal) });
  const [problem, setProblem] = useState("");
  const newest = [...tasks].sort((a, b) => Number(b.id) - Number(a.id)).slice(0, 8);
  async function try_(what: () => Promise<unknown>) {
    setProblem("");
    try {
      await what();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }
  return (
    <section className="card backends-list" aria-labelledby="backends-list">
      <h2 id="backends-list">The newest tasks</h2>
      <ul data-testid="backends-tasks">
        {newest.map(({ id, title, status }) => {
          const { text, next, Icon } = STATUS[status];
          return (
            <li key={id}>
              <button
                type="button"
                className="icon-button"
                aria-label={`${text}: ${title}`}
                title={`${text}. Click for: ${STATUS[next].text}`}
                onClick={() => void try_(() => live.mutate("setTaskStatus", { id, status: next }))}
              >
                <Icon />
              </button>
              <span data-status={status}>{title}</span>
            </li>
          );
        })}
      </ul>
      <div className="backends-buttons">
        <button type="button" className="button button-primary" data-testid="somebody-else" onClick={() => void try_(elsewhere)}>
          Add a task as {firstNameOf(other.id)}
        </button>
      </div>
      <p className="backends-problem" role="status">
        {problem}
      </p>
    </section>
  );
}

async function elsewhere(): Promise<void> {
  const at = new Date().toLocaleTimeString();
  await asOther("POST", "/api/tasks", { title: `Call back, said ${firstNameOf(other.id)} at ${at}` });
}
