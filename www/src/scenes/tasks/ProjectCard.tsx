import type { Task } from "./api";
import { projectName } from "./projectName";
import { TaskRow } from "./TaskRow";
import type { useTaskWrites } from "./useTasks";

interface Props {
  project: string | null;
  tasks: readonly Task[];
  /** Whether a row that appears now is news. */
  flashNew: boolean;
  change: ReturnType<typeof useTaskWrites>["change"];
  remove: ReturnType<typeof useTaskWrites>["remove"];
}

export function ProjectCard({ project, tasks, flashNew, change, remove }: Props) {
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
            saving={change.isPending && change.variables.id === task.id}
            setStatus={(status) => change.mutate({ id: task.id, status })}
            remove={() => remove.mutate(task.id)}
          />
        ))}
      </ul>
    </section>
  );
}
