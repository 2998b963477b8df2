/**
 * The channel on which the server tells of the tasks of a project, or of all. Whoever shows one project hears of no
 * other.
 */
export const channelOf = (project: string | null) => (project === null ? "tasks" : `project:${project}`);

/** The room in which people meet over the tasks: one for all, so that a title has one holder whatever each looks at. */
export const ROOM = "tasks";

/** The name under which a task's title is held and typed in. */
export const titleField = (id: string) => `task/${id}/title`;

/** The field of a task that is not there yet. */
export const NEW_TASK = "new";
