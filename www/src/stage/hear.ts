import type { Report, Sighting } from "../report";
import { keyOf, noteReport, useStage } from "./devices";
import { noteSighting } from "./latency";

/** Hears what the tabs on the stage tell of themselves. Returns what ends it. */
export function hearTabs(): () => void {
  const hear = ({ source, origin, data }: MessageEvent) => {
    if (origin !== location.origin) return;
    const key = keyOf(source);
    if (key === undefined) return;
    const told = data as Report | Sighting;
    if (told?.kind === "report") noteReport(key, told);
    else if (told?.kind === "acted" || told?.kind === "painted") {
      const device = useStage.getState().devices.find(({ tabs }) => tabs.some((tab) => tab.key === key));
      if (device !== undefined) noteSighting(device.id, told);
    }
  };
  addEventListener("message", hear);
  return () => removeEventListener("message", hear);
}
