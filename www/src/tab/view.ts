import { create } from "zustand";
import type { Scene } from "../report";

export type View = Scene | "freshness" | "queue" | "measured";

const asked = new URLSearchParams(location.search).get("scene");

/** What a tab on the stage shows: chosen in it, or by the stage for all tabs. */
export const useView = create<{ readonly view: View }>(() => ({ view: asked === "calendar" ? "calendar" : "tasks" }));
