import { create } from "zustand";
import type { Block } from "../scenes/calendar/api";
import { DAY, mondayOf } from "../scenes/calendar/time";
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
  readonly tasks: readonly Task[] | null;
  /** The server's blocks of this week, of all kinds of days that tabs may show. */
  readonly blocks: readonly Block[] | null;
  readonly faults: readonly FaultOf[];
  /** Requests for records that the stage itself made: the server counts them too. */
  readonly own: number;
}

/** The server's own records: what the tabs are held against. */
export const useRecords = create<Records>(() => ({ reachable: true, stats: null, tasks: null, blocks: null, faults: [], own: 0 }));

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

const monday = mondayOf(Date.now());

/** Asks now. */
export async function look(signal?: AbortSignal): Promise<void> {
  try {
    const [stats, faults] = await Promise.all([
      get<ServerStats>("/demo/stats", signal),
      get<FaultOf[]>("/demo/faults", signal),
      lookAt<Task[]>("/api/tasks", (tasks) => useRecords.setState({ tasks }), signal),
      lookAt<Block[]>(`/api/blocks?from=${monday}&to=${monday + 7 * DAY}`, (blocks) => useRecords.setState({ blocks }), signal),
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

/** The last tag of each list, by which the server can say that it is still the same. */
const tags = new Map<string, string>();

async function lookAt<Answer>(url: string, put: (answer: Answer) => void, signal: AbortSignal | undefined): Promise<void> {
  const known = tags.get(url);
  const headers: HeadersInit = known === undefined ? {} : { "if-none-match": known };
  const response = await fetch(url, { cache: "no-store", headers, ...(signal && { signal }) });
  useRecords.setState(({ own }) => ({ own: own + 1 }));
  if (response.status === 304) return;
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const tag = response.headers.get("etag");
  if (tag !== null) tags.set(url, tag);
  put((await response.json()) as Answer);
}
