import type { MutationError } from "everfresh";
import { useEverfresh, useLiveMutation, useTyping } from "everfresh/react";
import { useEffect, useRef, useState } from "react";
import type { FormEvent } from "react";
import { firstNameOf } from "../../people/people";
import { Chevron, Plus } from "../../ui/icons";
import { projectName } from "./projectName";
import { NEW_TASK, ROOM } from "./room";
import { TypingDots } from "./TaskRow";

interface Props {
  /** Where it may go; the first one is meant where nothing is chosen. */
  projects: readonly (string | null)[];
  /** The highest id of a task that is known. */
  newest: number;
}

export function AddTask({ projects, newest }: Props) {
  const { queue } = useEverfresh();
  const create = useLiveMutation("createTask");
  const { typing, type } = useTyping(ROOM, NEW_TASK);
  const field = useRef<HTMLInputElement>(null);
  const [title, setTitle] = useState("");
  const [chosen, setChosen] = useState<string | null>();
  // What is typed stays when another project is shown; what was chosen does as far as it can.
  const project = chosen !== undefined && projects.includes(chosen) ? chosen : (projects[0] ?? null);
  useEffect(() => () => type(null), [type]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = title.trim();
    if (wanted === "") {
      field.current?.focus();
      return;
    }
    create.mutate({ title: wanted, project, ref: crypto.randomUUID(), after: newest });
    // It is shown in the list already, and the queue keeps it whatever happens.
    setTitle("");
    type(null);
  };

  /** Takes what was refused back into the field. */
  const takeBack = () => {
    const { id } = (create.error ?? {}) as Partial<MutationError>;
    if (id !== undefined) void queue.discard(id).catch(() => {});
    setTitle(create.vars?.title ?? "");
    create.reset();
    field.current?.focus();
  };

  const others = [...new Set(typing.map(({ user }) => firstNameOf(user)))];
  return (
    <>
      <form className="add-task" onSubmit={submit}>
        <label className="visually-hidden" htmlFor="task-title">
          Title of the new task
        </label>
        <input
          ref={field}
          id="task-title"
          className="field add-task-title"
          data-testid="task-title-input"
          placeholder="Add a task"
          autoComplete="off"
          value={title}
          onChange={(event) => {
            setTitle(event.target.value);
            type(event.target.value === "" ? null : NEW_TASK);
          }}
          onBlur={() => type(null)}
        />
        <label className="visually-hidden" htmlFor="task-project">
          Its project
        </label>
        <span className="select">
          <select
            id="task-project"
            className="field"
            data-testid="task-project"
            value={project ?? ""}
            onChange={(event) => setChosen(event.target.value === "" ? null : event.target.value)}
          >
            {projects.map((choice) => (
              <option key={choice ?? ""} value={choice ?? ""}>
                {projectName(choice)}
              </option>
            ))}
          </select>
          <Chevron />
        </span>
        <button type="submit" className="button" data-testid="task-add">
          <Plus />
          <span className="add-task-word">Add</span>
        </button>
      </form>
      <div className="add-task-note">
        {create.state === "failed" ? (
          <p className="scene-error" role="alert">
            “{shortened(create.vars?.title ?? "")}” was not added: {messageOf(create.error)}.{" "}
            <button type="button" className="link-button" data-testid="task-take-back" onClick={takeBack}>
              Edit it
            </button>
          </p>
        ) : (
          <p role="status" data-testid="typing-new">
            {others.length > 0 && (
              <>
                {others.join(" and ")} {others.length === 1 ? "is" : "are"} typing a new task <TypingDots />
              </>
            )}
          </p>
        )}
      </div>
    </>
  );
}

function shortened(title: string): string {
  return title.length > 40 ? `${title.slice(0, 40)}…` : title;
}

function messageOf(error: Error | undefined): string {
  const said = ((error as MutationError | undefined)?.body as { message?: unknown } | undefined)?.message;
  return typeof said === "string" ? said : (error?.message ?? "it failed");
}
