import { useConnection } from "everfresh/react";
import { useEffect, useState } from "react";
import { clockTime } from "../../ui/clock";
import { Refresh } from "../../ui/icons";
import { AddTask } from "./AddTask";
import type { Task } from "./api";
import { ProjectCard } from "./ProjectCard";
import { TaskListSkeleton } from "./TaskListSkeleton";
import { useTasks, useTaskWrites } from "./useTasks";
import "./tasks.css";

/** The list of all tasks by project, kept as fresh as the server in every tab. */
export function TasksScene() {
  const { data: tasks, error, isFetching, refetch, dataUpdatedAt } = useTasks();
  const writes = useTaskWrites();
  const loaded = tasks !== undefined;
  // Rows that come with the first list do not flash, rows that come later do.
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(loaded), [loaded]);
  return (
    <>
      <div className="scene-head">
        <div>
          <h1>Tasks</h1>
          <Freshness at={dataUpdatedAt} failed={error !== null} />
        </div>
        <button
          type="button"
          className="icon-button"
          aria-label="Ask the server again"
          title="Ask the server again: a 304 when nothing changed"
          data-testid="refetch"
          disabled={isFetching && !loaded}
          onClick={() => void refetch()}
        >
          <Refresh />
        </button>
      </div>
      <AddTask projects={projectsOf(tasks ?? [])} create={writes.create} />
      <p className="scene-error" role="alert">
        {writes.error === null ? "" : `That was not saved: ${writes.error.message}.`}
      </p>
      <div className="projects" data-testid="task-list" aria-busy={!loaded}>
        {tasks === undefined ? (
          error === null ? (
            <TaskListSkeleton />
          ) : (
            <LoadError message={error.message} retry={() => void refetch()} />
          )
        ) : tasks.length === 0 ? (
          <p className="card no-tasks">Nothing to do. Add a task above.</p>
        ) : (
          projectsOf(tasks).map((project) => (
            <ProjectCard
              key={project ?? ""}
              project={project}
              tasks={tasks.filter((task) => task.project === project)}
              flashNew={shown}
              change={writes.change}
              remove={writes.remove}
            />
          ))
        )}
      </div>
    </>
  );
}

/** The projects in the order of their first task. */
function projectsOf(tasks: readonly Task[]): (string | null)[] {
  return [...new Set(tasks.map(({ project }) => project))];
}

/** Says how far the list can be trusted. It is one line at all times, so that nothing moves. */
function Freshness({ at, failed }: { at: number; failed: boolean }) {
  const { status } = useConnection();
  const live = status === "connected" && !failed;
  const known = live ? "Up to date with the server" : `As of ${clockTime(at)}, not live now`;
  const words = at > 0 ? known : failed ? "Not loaded" : "Loading";
  return (
    <p className="freshness number" data-live={live || at === 0} data-testid="freshness">
      {words}
    </p>
  );
}

function LoadError({ message, retry }: { message: string; retry: () => void }) {
  return (
    <div className="card load-error" role="alert">
      <p>The tasks could not be loaded: {message}.</p>
      <button type="button" className="button" onClick={retry}>
        <Refresh />
        Try again
      </button>
    </div>
  );
}
