import { useRef, useState } from "react";
import type { FormEvent } from "react";
import { Chevron, Plus } from "../../ui/icons";
import { projectName } from "./projectName";
import type { useTaskWrites } from "./useTasks";

interface Props {
  projects: readonly (string | null)[];
  create: ReturnType<typeof useTaskWrites>["create"];
}

export function AddTask({ projects, create }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [title, setTitle] = useState("");
  const [chosen, setChosen] = useState<string | null>();
  const project = chosen === undefined ? (projects[0] ?? null) : chosen;
  // A task without a project is always possible.
  const choices = projects.includes(null) ? projects : [...projects, null];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = title.trim();
    if (create.isPending) return;
    if (wanted === "") {
      field.current?.focus();
      return;
    }
    create.mutate(
      { title: wanted, project },
      // What was typed stays when it could not be saved, and when more was typed meanwhile.
      { onSuccess: () => setTitle((now) => (now.trim() === wanted ? "" : now)) },
    );
  };

  return (
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
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
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
          {choices.map((choice) => (
            <option key={choice ?? ""} value={choice ?? ""}>
              {projectName(choice)}
            </option>
          ))}
        </select>
        <Chevron />
      </span>
      <button type="submit" className="button" data-testid="task-add">
        <Plus />
        Add
      </button>
    </form>
  );
}
