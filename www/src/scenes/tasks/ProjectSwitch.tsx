import { useEffect, useRef } from "react";
import { chooseProject } from "../../tab/view";
import { projectName } from "./projectName";
import { useProjects } from "./families";
import "./ProjectSwitch.css";

/** One project or all: other keys, another channel. What is shown says nothing of the one that was left. */
export function ProjectSwitch({ project }: { project: string | null }) {
  const { data } = useProjects();
  const known = data?.flatMap((tally) => (tally.project === null ? [] : [tally.project])) ?? [];
  const choices = project === null || known.includes(project) ? known : [...known, project];
  const pressed = useRef<HTMLButtonElement>(null);
  // Where the line is longer than the page, what is chosen is in sight.
  useEffect(() => {
    const button = pressed.current;
    const line = button?.parentElement;
    if (button && line) line.scrollLeft = button.offsetLeft - (line.clientWidth - button.offsetWidth) / 2;
  }, [project, choices.length]);
  return (
    <div className="segments project-switch" role="group" aria-label="Project">
      {[null, ...choices].map((id) => {
        const tally = data?.find((one) => one.project === id);
        return (
          <button
            key={id ?? ""}
            ref={project === id ? pressed : undefined}
            type="button"
            className="segment"
            aria-pressed={project === id}
            data-testid={`project-${id ?? "all"}`}
            onClick={() => chooseProject(id)}
          >
            {id === null ? "All projects" : projectName(id)}
            {id !== null && tally !== undefined && (
              <span className="project-open number" title="Not done yet">
                {tally.todo + tally.doing}
                <span className="visually-hidden"> open</span>
              </span>
            )}
          </button>
        );
      })}
    </div>
  );
}
