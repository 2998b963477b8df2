import { create } from "zustand";
import { PEOPLE } from "../people/people";
import type { Order, Report } from "../report";
import type { Scene } from "../scenes/scenes";

/** As many as the connections for requests allow that a browser has to one host: six, and a stream takes one. */
export const DEVICES_MOST = 4;
export const TABS_MOST = 4;

export interface StageTab {
  readonly key: string;
  readonly report: Report | null;
}

export interface StageDevice {
  /** By this name the server's lab knows it. */
  readonly id: string;
  /** Who is logged in there at first. */
  readonly as: string;
  readonly tabs: readonly StageTab[];
}

/** What tabs that are closed had counted. */
export interface Past {
  readonly tabs: number;
  readonly events: number;
  readonly reads: number;
}

interface Stage {
  readonly scene: Scene;
  readonly devices: readonly StageDevice[];
  readonly past: Past;
}

let lastKey = 0;
const newTab = (): StageTab => ({ key: `tab-${++lastKey}`, report: null });

const [first, second] = [PEOPLE[0].id, PEOPLE[1]?.id ?? PEOPLE[0].id];

export const useStage = create<Stage>(() => ({
  scene: "tasks",
  devices: [
    { id: "d1", as: first, tabs: [newTab(), newTab()] },
    { id: "d2", as: second, tabs: [newTab()] },
  ],
  past: { tabs: 0, events: 0, reads: 0 },
}));

const frames = new Map<string, HTMLIFrameElement>();

/** Remembers which frame shows a tab; to be called as a ref. */
export function frameOf(key: string): (frame: HTMLIFrameElement | null) => void {
  return (frame) => {
    if (frame === null) frames.delete(key);
    else frames.set(key, frame);
  };
}

/** Which tab a message came from. */
export function keyOf(source: MessageEventSource | null): string | undefined {
  for (const [key, frame] of frames) if (frame.contentWindow === source) return key;
  return undefined;
}

export function order(tab: StageTab, what: Order): void {
  frames.get(tab.key)?.contentWindow?.postMessage(what, location.origin);
}

/** All tabs show this scene, and those that are opened later. */
export function showScene(scene: Scene): void {
  useStage.setState({ scene });
  for (const { tabs } of useStage.getState().devices) for (const tab of tabs) order(tab, { order: "scene", scene });
}

export function addDevice(as: string): void {
  useStage.setState(({ devices }) => {
    const free = [1, 2, 3, 4].map((n) => `d${n}`).find((id) => devices.every((device) => device.id !== id));
    return free === undefined ? {} : { devices: [...devices, { id: free, as, tabs: [newTab()] }] };
  });
}

export function addTab(id: string): void {
  change(id, (device) => (device.tabs.length < TABS_MOST ? { ...device, tabs: [...device.tabs, newTab()] } : device));
}

/** A device without a tab is closed. */
export function closeTab(id: string, key: string): void {
  useStage.setState(({ devices, past }) => ({
    past: devices.flatMap(({ tabs }) => tabs).filter((tab) => tab.key === key).reduce(added, past),
    devices: devices
      .map((device) => (device.id === id ? { ...device, tabs: device.tabs.filter((tab) => tab.key !== key) } : device))
      .filter(({ tabs }) => tabs.length > 0),
  }));
}

export function closeDevice(id: string): void {
  useStage.setState(({ devices, past }) => ({
    past: (devices.find((device) => device.id === id)?.tabs ?? []).reduce(added, past),
    devices: devices.filter((device) => device.id !== id),
  }));
}

export function noteReport(key: string, report: Report): void {
  useStage.setState(({ devices }) => ({
    devices: devices.map((device) =>
      device.tabs.some((tab) => tab.key === key)
        ? { ...device, tabs: device.tabs.map((tab) => (tab.key === key ? { key, report } : tab)) }
        : device,
    ),
  }));
}

function change(id: string, to: (device: StageDevice) => StageDevice): void {
  useStage.setState(({ devices }) => ({ devices: devices.map((device) => (device.id === id ? to(device) : device)) }));
}

function added(past: Past, { report }: StageTab): Past {
  if (report === null) return past;
  const { events } = report.counters;
  return { tabs: past.tabs + 1, events: past.events + events, reads: past.reads + report.traffic.answered };
}

/** Who is logged in on a device now. */
export function userOf({ as, tabs }: StageDevice): string {
  return tabs.find(({ report }) => report !== null && !report.fenced)?.report?.user ?? as;
}

/** The devices, named so that two of one person can be told apart. */
export function namesOf(devices: readonly StageDevice[], nameOf: (user: string) => string): ReadonlyMap<string, string> {
  const seen = new Map<string, number>();
  const names = new Map<string, string>();
  for (const device of devices) {
    const user = userOf(device);
    const nth = (seen.get(user) ?? 0) + 1;
    seen.set(user, nth);
    names.set(device.id, nth === 1 ? nameOf(user) : `${nameOf(user)} ${nth}`);
  }
  return names;
}

/** The tabs that hold a connection for themselves or for their device. */
export function leadersOf(devices: readonly StageDevice[]): Report[] {
  const reports = devices.flatMap(({ tabs }) => tabs.map(({ report }) => report));
  return reports.filter((report) => report !== null).filter(({ role }) => role === "leader" || role === "alone");
}
