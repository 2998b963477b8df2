import { useChannel, useConnection, useFreshness } from "everfresh/react";
import { useEffect, useState } from "react";
import { PeopleHere } from "../../people/PeopleHere";
import { useView } from "../../tab/view";
import { clockTime } from "../../ui/clock";
import { Refresh } from "../../ui/icons";
import { AddTask } from "./AddTask";
import type { ShownTask } from "./api";
import { listKey } from "./mutations";
import { Overview } from "./Overview";
import { ProjectCard } from "./ProjectCard";
import { ProjectSwitch } from "./ProjectSwitch";
import { ROOM, channelOf } from "./room";
import { TaskListSkeleton } from "./TaskListSkeleton";
import { useLetters } from "./useLetters";
import { useTasks } from "./useTasks";
import "./tasks.css";

/** The tasks of a project, or of all, and what there is to know about it, kept as fresh as the server in every tab. */
export function TasksScene() {
  const { project } = useView();
  // To change the project is to follow another channel: what happens in the one that was left is not heard any more.
  useChannel(channelOf(project));
  const { data: tasks, error, isFetching, refetch, dataUpdatedAt } = useTasks(project);
  const letters = useLetters();
  const loaded = tasks !== undefined;
  // Rows that come with the first list of a project do not flash, rows that come later do.
  const [shown, setShown] = useState<string | null | undefined>();
  useEffect(() => setShown(loaded ? project : undefined), [loaded, project]);
  const [editing, setEditing] = useState<string | null>(null);
  // The row of a title that was being edited goes with its project.
  useEffect(() => setEditing(null), [project]);
  return (
    <>
      <div className="scene-head">
        <div>
          <h1>Tasks</h1>
          <Freshness project={project} at={dataUpdatedAt} failed={error !== null} />
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
      <ProjectSwitch project={project} />
      <AddTask projects={project === null ? choicesOf(tasks ?? []) : [project]} newest={newestOf(tasks ?? [])} />
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
          projectsOf(tasks).map((one) => (
            <ProjectCard
              key={one ?? ""}
              project={one}
              tasks={tasks.filter((task) => task.project === one)}
              flashNew={shown === project}
              letters={letters}
              onEditing={setEditing}
            />
          ))
        )}
      </div>
      <Overview project={project} />
    </>
  );
}

/** The projects in the order of their first task. */
function projectsOf(tasks: readonly ShownTask[]): (string | null)[] {
  return [...new Set(tasks.map(({ project }) => project))];
}

/** Where a new task may go: a task without a project is always possible. */
function choicesOf(tasks: readonly ShownTask[]): (string | null)[] {
  return [...new Set([...projectsOf(tasks), null])];
}

function newestOf(tasks: readonly ShownTask[]): number {
  return Math.max(0, ...tasks.map(({ id }) => Number(id)).filter(Number.isFinite));
}

/** Says how far the list can be trusted. It is one line at all times, so that nothing moves. */
function Freshness({ project, at, failed }: { project: string | null; at: number; failed: boolean }) {
  const { status } = useConnection();
  const contract = useFreshness(listKey(project));
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
