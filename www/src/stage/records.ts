import { create } from "zustand";
import { comparable } from "../report";
import type { Task } from "../scenes/tasks/api";

/** How often the server is asked, in milliseconds. */
const EVERY = 1000;

/** What the server says of itself. */
export interface ServerStats {
  readonly sockets_open: number;
  readonly sockets_total: number;
  readonly events_total: number;
  readonly requests_total: number;
  readonly not_modified_total: number;
  readonly connections: readonly { readonly client: string; readonly since: number; readonly channels: readonly string[] }[];
}

/** What is wrong with a device's network, as the server has it. */
export interface Fault {
  readonly down: boolean;
  readonly latency_ms: number;
  readonly loss_percent: number;
  readonly no_sockets: boolean;
  readonly no_streams: boolean;
}

export interface FaultOf {
  /** `null`: of every device that has none of its own. */
  readonly device: string | null;
  readonly fault: Fault;
}

interface Records {
  readonly reachable: boolean;
  readonly stats: ServerStats | null;
  /** The server's tasks, in the form in which tabs report theirs. */
  readonly tasks: string | null;
  readonly faults: readonly FaultOf[];
  /** Requests for records that the stage itself made: the server counts them too. */
  readonly own: number;
}

/** The server's own records: what the tabs are held against. */
export const useRecords = create<Records>(() => ({ reachable: true, stats: null, tasks: null, faults: [], own: 0 }));

let etag: string | null = null;

/** Asks again and again, for as long as somebody looks. Returns what ends it. */
export function watchServer(): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  void (async () => {
    while (!signal.aborted) {
      if (document.visibilityState === "visible") await look(signal);
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  })();
  return () => ended.abort();
}

/** Asks now. */
export async function look(signal?: AbortSignal): Promise<void> {
  try {
    const [stats, faults] = await Promise.all([
      get<ServerStats>("/demo/stats", signal),
      get<FaultOf[]>("/demo/faults", signal),
      lookAtTasks(signal),
    ]);
    useRecords.setState({ reachable: true, stats, faults });
  } catch {
    if (!signal?.aborted) useRecords.setState({ reachable: false });
  }
}

export async function get<Answer>(url: string, signal?: AbortSignal): Promise<Answer> {
  const response = await fetch(url, { cache: "no-store", ...(signal && { signal }) });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()) as Answer;
}

async function lookAtTasks(signal: AbortSignal | undefined): Promise<void> {
  const headers: HeadersInit = etag === null ? {} : { "if-none-match": etag };
  const response = await fetch("/api/tasks", { cache: "no-store", headers, ...(signal && { signal }) });
  const own = useRecords.getState().own + 1;
  if (response.status === 304) {
    useRecords.setState({ own });
    return;
  }
  if (!response.ok) throw new Error(`/api/tasks: ${response.status}`);
  etag = response.headers.get("etag");
  useRecords.setState({ own, tasks: comparable((await response.json()) as Task[]) });
}
