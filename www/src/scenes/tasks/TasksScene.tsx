import { useConnection, useFreshness } from "everfresh/react";
import { useEffect, useState } from "react";
import { PeopleHere } from "../../people/PeopleHere";
import { clockTime } from "../../ui/clock";
import { Refresh } from "../../ui/icons";
import { AddTask } from "./AddTask";
import type { ShownTask } from "./api";
import { LIST } from "./mutations";
import { ProjectCard } from "./ProjectCard";
import { ROOM } from "./room";
import { TaskListSkeleton } from "./TaskListSkeleton";
import { useLetters } from "./useLetters";
import { useTasks } from "./useTasks";
import "./tasks.css";

/** The list of all tasks by project, kept as fresh as the server in every tab. */
export function TasksScene() {
  const { data: tasks, error, isFetching, refetch, dataUpdatedAt } = useTasks();
  const letters = useLetters();
  const loaded = tasks !== undefined;
  // Rows that come with the first list do not flash, rows that come later do.
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(loaded), [loaded]);
  const [editing, setEditing] = useState<string | null>(null);
  return (
    <>
      <div className="scene-head">
        <div>
          <h1>Tasks</h1>
          <Freshness at={dataUpdatedAt} failed={error !== null} />
        </div>
        <PeopleHere room={ROOM} editing={editing} />
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
      <AddTask projects={projectsOf(tasks ?? [])} newest={newestOf(tasks ?? [])} />
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
              letters={letters}
              onEditing={setEditing}
            />
          ))
        )}
      </div>
    </>
  );
}

/** The projects in the order of their first task. */
function projectsOf(tasks: readonly ShownTask[]): (string | null)[] {
  return [...new Set(tasks.map(({ project }) => project))];
}

function newestOf(tasks: readonly ShownTask[]): number {
  return Math.max(0, ...tasks.map(({ id }) => Number(id)).filter(Number.isFinite));
}

/** Says how far the list can be trusted. It is one line at all times, so that nothing moves. */
function Freshness({ at, failed }: { at: number; failed: boolean }) {
  const { status } = useConnection();
  const contract = useFreshness(LIST);
  const live = status === "connected" && !failed;
  const old = contract?.state === "violated" || contract?.state === "stale";
  const known = live ? (old ? "Asking the server" : "Up to date with the server") : `As of ${clockTime(at)}, not live now`;
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
