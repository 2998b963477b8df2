import type { Told } from "../report";
import { closeTab, deviceOf, keyOf, noteReport, noteStandstill, useStage, welcomeWindow } from "./devices";
import { noteSighting } from "./latency";
import { hearWindows } from "./windows";

/** Hears what the tabs on the stage tell of themselves. Returns what ends it. */
export function hearTabs(): () => void {
  const hear = ({ source, origin, data }: MessageEvent) => {
    if (origin !== location.origin) return;
    const key = keyOf(source);
    if (key === undefined) return;
    const device = useStage.getState().devices.find(({ tabs }) => tabs.some((tab) => tab.key === key));
    if (device !== undefined) note(device.id, key, data as Told);
  };
  addEventListener("message", hear);
  const windows = hearWindows((key, device, told) => {
    if (deviceOf(device) === undefined) return;
    if (told.kind === "gone") {
      closeTab(device, key);
      return;
    }
    welcomeWindow(device, key);
    note(device, key, told);
  });
  return () => {
    removeEventListener("message", hear);
    windows();
  };
}

function note(device: string, key: string, told: Told): void {
  switch (told?.kind) {
    case "report":
      noteReport(key, told);
      break;
    case "still":
      noteStandstill(device, key, told.for);
      break;
    case "acted":
    case "painted":
      noteSighting(device, told);
  }
}
