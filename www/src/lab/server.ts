import { get } from "../stage/records";
import type { Fault, FaultOf } from "../stage/records";

const NONE: Fault = { down: false, latency_ms: 0, loss_percent: 0, no_sockets: false, no_streams: false };

/** Whom something is done to: one device, or all. */
export type Target = string | null;

/** What is wrong with a target's network, as the server has it. */
export function faultOf(faults: readonly FaultOf[], target: Target): Fault {
  const own = faults.find(({ device }) => device === target);
  return own?.fault ?? faults.find(({ device }) => device === null)?.fault ?? NONE;
}

/** Makes this wrong with the target's network too, or takes it back, and leaves the rest as the server has it. */
export async function changeFault(target: Target, change: Partial<Fault>, undo: boolean): Promise<void> {
  const now = faultOf(await get<FaultOf[]>("/demo/faults"), target);
  const back = Object.fromEntries(Object.keys(change).map((key) => [key, NONE[key as keyof Fault]]));
  const fault = { ...now, ...(undo ? back : change) };
  // What is set for all is not to be undone by what was set for one.
  if (target === null) await post("/demo/faults", { fault: {} });
  await post("/demo/faults", { device: target, fault });
}

export const healAll = () => post("/demo/faults", { fault: {} });

/** Drops the sockets of these tabs without a close frame; returns how many there were. */
export async function cut(clients: readonly string[]): Promise<number> {
  const answers = await Promise.all(clients.map((client) => post<{ cut: number }>("/demo/cut", { client })));
  return answers.reduce((sum, answer) => sum + answer.cut, 0);
}

export const halfOpen = async (device: Target) => (await post<{ met: number }>("/demo/half-open", { device })).met;
export const expire = async (device: Target) => (await post<{ met: number }>("/demo/expire", { device })).met;
export const restart = (forMs: number) => post("/demo/restart", { for_ms: forMs });
export const burst = async (count: number) => (await post<{ last: number }>("/demo/burst", { count })).last;

async function post<Answer = null>(url: string, body: object): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
  return (text === "" ? null : JSON.parse(text)) as Answer;
}
