import { Check, Refresh } from "../ui/icons";
import { comparable, comparableBlocks } from "../report";
import type { Report } from "../report";
import type { Block } from "../scenes/calendar/api";
import type { Task } from "../scenes/tasks/api";
import { useRecords } from "./records";
import { useStage } from "./devices";
import type { StageDevice } from "./devices";

/** Whether all tabs show what the server has: the one thing that has to be true in the end. */
export function Agreement() {
  const devices = useStage((stage) => stage.devices);
  const { tasks, blocks, reachable } = useRecords();
  const { agree, of } = agreementOf(devices, tasks, blocks);
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
function agreementOf(devices: readonly StageDevice[], tasks: readonly Task[] | null, blocks: readonly Block[] | null): { agree: number; of: number } {
  const reports = devices.flatMap(({ tabs }) => tabs.map(({ report }) => report)).filter((report) => !report?.fenced);
  const agrees = ({ shown, days }: Report) =>
    shown !== null &&
    Object.entries(shown).every(([project, list]) => list === listOf(tasks, project)) &&
    Object.entries(days).every(([span, day]) => day === dayOf(blocks, span));
  return { agree: reports.filter((report) => report !== null && agrees(report)).length, of: reports.length };
}

/** What the server has of a project, or of all. */
function listOf(tasks: readonly Task[] | null, project: string): string | null {
  return tasks === null ? null : comparable(tasks.filter((task) => project === "" || task.project === project));
}

/** What the server has of the time between two moments. */
function dayOf(blocks: readonly Block[] | null, span: string): string | null {
  if (blocks === null) return null;
  const [from = 0, to = 0] = span.split("/").map((moment) => Date.parse(moment));
  return comparableBlocks(blocks.filter(({ start, end }) => start < to && end > from));
}

function wordsOf(state: "alone" | "equal" | "behind", agree: number, of: number): string {
  if (state === "alone") return "The server does not answer";
  if (of === 0) return "No tab is open";
  if (state === "equal") return of === 1 ? "The tab shows what the server has" : `All ${of} tabs show what the server has`;
  return `${agree} of ${of} tabs show what the server has`;
}
