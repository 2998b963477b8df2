import { create } from "zustand";
import { SCENES } from "../scenes/scenes";
import type { Scene } from "../scenes/scenes";

/** What can be shown instead of the scene. */
export type Panel = "freshness" | "queue" | "measured";

/** On the stage the address says it beside the device; a page of its own has an address for each. */
const asked = new URLSearchParams(location.search).get("scene") ?? location.pathname.slice(1);

interface View {
  /** On the stage it is chosen there, for all tabs. */
  readonly scene: Scene;
  /** Chosen in the tab. */
  readonly panel: Panel | null;
  /** The project whose tasks are shown; `null` for all. Chosen in the tab too. */
  readonly project: string | null;
}

export const useView = create<View>(() => ({
  scene: SCENES.find(({ id }) => id === asked)?.id ?? "tasks",
  panel: null,
  project: new URLSearchParams(location.search).get("project"),
}));

/** Another project is shown. A reload shows it again. */
export function chooseProject(project: string | null): void {
  useView.setState({ project });
  const address = new URL(location.href);
  if (project === null) address.searchParams.delete("project");
  else address.searchParams.set("project", project);
  history.replaceState(history.state, "", address);
}
