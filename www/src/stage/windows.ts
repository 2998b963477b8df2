import { ALL_WINDOWS, channelOfStage } from "../report";
import type { Order, OverChannel, Told } from "../report";
import type { Scene } from "../scenes/scenes";

/** Another stage in another tab of the browser has windows of its own. */
const stage = Math.random().toString(36).slice(2);

const channel = new BroadcastChannel(channelOfStage(stage));

// Without the stage nobody would close them.
addEventListener("pagehide", () => tellWindow(ALL_WINDOWS, { order: "close" }));

const SIZE = "popup,width=460,height=760";

/**
 * Opens a tab of a device in a window of its own. The page has a process of its own too (`/apart`, where the server
 * says so): it can stand still while the stage goes on. False if the browser opens none.
 */
export function openWindow(key: string, device: string, as: string, scene: Scene): boolean {
  const address = new URLSearchParams({ device, as, scene, stage, key });
  return window.open(`/apart?${address}`, "_blank", SIZE) !== null;
}

export function tellWindow(to: string, order: Order): void {
  channel.postMessage({ to, order } satisfies OverChannel);
}

/** Hears what the windows tell. Returns what ends it. */
export function hearWindows(hear: (key: string, device: string, told: Told) => void): () => void {
  const heard = ({ data }: MessageEvent<OverChannel>) => {
    if ("from" in data) hear(data.from, data.device, data.told);
  };
  channel.addEventListener("message", heard);
  return () => channel.removeEventListener("message", heard);
}
