/** The channel of the tasks is also the room in which people meet over them. */
export const ROOM = "tasks";

/** The name under which a task's title is held and typed in. */
export const titleField = (id: string) => `task/${id}/title`;

/** The field of a task that is not there yet. */
export const NEW_TASK = "new";
