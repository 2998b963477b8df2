import { create } from "zustand";
import { PEOPLE } from "../people/people";
import type { Order, Report } from "../report";
import type { Scene } from "../scenes/scenes";
import { openWindow, tellWindow } from "./windows";

/** As many as the connections for requests allow that a browser has to one host: six, and a stream takes one. */
export const DEVICES_MOST = 4;
export const TABS_MOST = 4;

export interface StageTab {
  readonly key: string;
  readonly report: Report | null;
  /** In a window of its own, and not in a frame of the stage. */
  readonly apart: boolean;
  /** From when until when its page does nothing at all, by the clock that only runs on; `null` while it lives. */
  readonly still: { readonly from: number; readonly to: number } | null;
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
  readonly unchanged: number;
}

interface Stage {
  readonly scene: Scene;
  readonly devices: readonly StageDevice[];
  readonly past: Past;
}

let lastKey = 0;
const newTab = (apart = false): StageTab => ({ key: `tab-${++lastKey}`, report: null, apart, still: null });

const [first, second] = [PEOPLE[0].id, PEOPLE[1]?.id ?? PEOPLE[0].id];

export const useStage = create<Stage>(() => ({
  scene: "tasks",
  devices: [
    { id: "d1", as: first, tabs: [newTab(), newTab()] },
    { id: "d2", as: second, tabs: [newTab()] },
  ],
  past: { tabs: 0, events: 0, reads: 0, unchanged: 0 },
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
  if (tab.apart) tellWindow(tab.key, what);
  else frames.get(tab.key)?.contentWindow?.postMessage(what, location.origin);
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

/** One more tab, in a window of its own; `null` if the browser opens none. */
export function addWindow({ id, as }: StageDevice): StageTab | null {
  const tab = newTab(true);
  if (!openWindow(tab.key, id, as, useStage.getState().scene)) return null;
  change(id, (device) => ({ ...device, tabs: [...device.tabs, tab] }));
  return tab;
}

/** A device without a tab is closed. */
export function closeTab(id: string, key: string): void {
  tellWindow(key, { order: "close" });
  useStage.setState(({ devices, past }) => ({
    past: devices.flatMap(({ tabs }) => tabs).filter((tab) => tab.key === key).reduce(added, past),
    devices: devices
      .map((device) => (device.id === id ? { ...device, tabs: device.tabs.filter((tab) => tab.key !== key) } : device))
      .filter(({ tabs }) => tabs.length > 0),
  }));
}

export function closeDevice(id: string): void {
  for (const { key, apart } of deviceOf(id)?.tabs ?? []) if (apart) tellWindow(key, { order: "close" });
  useStage.setState(({ devices, past }) => ({
    past: (devices.find((device) => device.id === id)?.tabs ?? []).reduce(added, past),
    devices: devices.filter((device) => device.id !== id),
  }));
}

export function noteReport(key: string, report: Report): void {
  useStage.setState(({ devices }) => ({
    devices: devices.map((device) =>
      device.tabs.some((tab) => tab.key === key)
        ? { ...device, tabs: device.tabs.map((tab) => (tab.key === key ? { ...tab, report, still: null } : tab)) }
        : device,
    ),
  }));
}

/** A window that was loaded anew is a tab again. */
export function welcomeWindow(id: string, key: string): void {
  change(id, (device) =>
    device.tabs.some((tab) => tab.key === key) ? device : { ...device, tabs: [...device.tabs, { ...newTab(true), key }] },
  );
}

/** From now on a tab does nothing, for so long. */
export function noteStandstill(id: string, key: string, ms: number): void {
  const from = performance.now();
  change(id, (device) => ({
    ...device,
    tabs: device.tabs.map((tab) => (tab.key === key ? { ...tab, still: { from, to: from + ms } } : tab)),
  }));
}

/** A tab is loaded anew: what it had counted is not counted by it again. */
export function reloadTab(id: string, key: string): void {
  const tab = deviceOf(id)?.tabs.find((tab) => tab.key === key);
  if (tab === undefined) return;
  useStage.setState(({ past }) => ({ past: added(past, tab) }));
  change(id, (device) => ({ ...device, tabs: device.tabs.map((tab) => (tab.key === key ? { ...tab, report: null } : tab)) }));
  order(tab, { order: "reload" });
}

export function deviceOf(id: string): StageDevice | undefined {
  return useStage.getState().devices.find((device) => device.id === id);
}

function change(id: string, to: (device: StageDevice) => StageDevice): void {
  useStage.setState(({ devices }) => ({ devices: devices.map((device) => (device.id === id ? to(device) : device)) }));
}

function added(past: Past, { report }: StageTab): Past {
  if (report === null) return past;
  const { counters, traffic } = report;
  return {
    tabs: past.tabs + 1,
    events: past.events + counters.events,
    reads: past.reads + traffic.answered,
    unchanged: past.unchanged + traffic.unchanged,
  };
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
