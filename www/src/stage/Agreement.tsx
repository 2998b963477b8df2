import { Check, Refresh } from "../ui/icons";
import { useRecords } from "./records";
import { useStage } from "./devices";
import type { StageDevice } from "./devices";

/** Whether all tabs show what the server has: the one thing that has to be true in the end. */
export function Agreement() {
  const devices = useStage((stage) => stage.devices);
  const { tasks, reachable } = useRecords();
  const { agree, of } = agreementOf(devices, tasks);
  const all = of > 0 && agree === of;
  const state = !reachable ? "alone" : all ? "equal" : "behind";
  return (
    <p className="agreement" role="status" data-testid="agreement" data-state={state} data-agree={agree} data-of={of}>
      {state === "equal" ? <Check /> : <Refresh />}
      <span>{wordsOf(state, agree, of)}</span>
    </p>
  );
}

/** How many of the tabs that show anything show what the server has. */
export function agreementOf(devices: readonly StageDevice[], tasks: string | null): { agree: number; of: number } {
  const reports = devices.flatMap(({ tabs }) => tabs.map(({ report }) => report)).filter((report) => !report?.fenced);
  return { agree: reports.filter((report) => tasks !== null && report?.shown === tasks).length, of: reports.length };
}

function wordsOf(state: "alone" | "equal" | "behind", agree: number, of: number): string {
  if (state === "alone") return "The server does not answer";
  if (of === 0) return "No tab is open";
  if (state === "equal") return of === 1 ? "The tab shows what the server has" : `All ${of} tabs show what the server has`;
  return `${agree} of ${of} tabs show what the server has`;
}
