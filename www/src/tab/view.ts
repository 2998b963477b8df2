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
}

export const useView = create<View>(() => ({ scene: SCENES.find(({ id }) => id === asked)?.id ?? "tasks", panel: null }));
