import type { ShownTask } from "./api";
import { projectName } from "./projectName";
import { TaskRow } from "./TaskRow";
import type { Letters } from "./useTaskWrites";

interface Props {
  project: string | null;
  tasks: readonly ShownTask[];
  /** Whether a row that appears now is news. */
  flashNew: boolean;
  letters: ReadonlyMap<string, Letters>;
  onEditing: (id: string | null) => void;
}

export function ProjectCard({ project, tasks, flashNew, letters, onEditing }: Props) {
  const done = tasks.filter(({ status }) => status === "done").length;
  const id = `project-${project ?? ""}`;
  return (
    <section className="card project" aria-labelledby={id}>
      <div className="project-head">
        <h2 id={id}>{projectName(project)}</h2>
        <progress className="project-progress" value={done} max={tasks.length} aria-label="Done" />
        <span className="project-count number">
          {done} of {tasks.length} done
        </span>
      </div>
      <ul>
        {tasks.map((task) => (
          <TaskRow
            key={task.id}
            task={task}
            flashNew={flashNew}
            letters={letters.get(task.id)}
            onEditing={onEditing}
          />
        ))}
      </ul>
    </section>
  );
}
