/** The scenes, in the order in which they are offered; a page of its own has each at its path. */
export const SCENES = [
  { id: "tasks", path: "/", name: "Tasks" },
  { id: "calendar", path: "/calendar", name: "Calendar" },
  { id: "contracts", path: "/contracts", name: "Contracts" },
] as const;

export type Scene = (typeof SCENES)[number]["id"];
