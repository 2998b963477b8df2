import { addWindow, deviceOf, order, reloadTab, useStage } from "../stage/devices";
import type { StageDevice, StageTab } from "../stage/devices";

/** How long a tab may take to do what it is asked for. */
const PATIENCE_MS = 15_000;

/**
 * A tab of the device stands still: the one that holds its connection, in a window of its own, because a page that
 * stands still takes all of its process along. Says what came of it.
 */
export async function standStill(device: StageDevice, name: string, forMs: number): Promise<string> {
  const window = device.tabs.find(({ apart }) => apart) ?? addWindow(device);
  if (window === null) return "The browser opens no window here: allow this page to do so, and press again.";
  const { id } = device;
  const joined = await until(() => roleOf(id, window.key) !== "starting");
  if (!joined) return "The window has not joined the others in time. Close it, and press again.";
  if (roleOf(id, window.key) === "follower") await giveLeadTo(id, window.key);
  const tab = tabOf(id, window.key);
  const leads = roleOf(id, window.key) === "leader" && tab?.report?.status === "connected";
  if (tab === undefined) return "The window was closed.";
  order(tab, { order: "still", for: forMs });
  await until(() => tabOf(id, window.key)?.still !== null);
  const what = leads ? `${name}’s connection stands still with its window` : `${name}’s window stands still`;
  return `${what} for ${forMs / 1000} s. Nobody is told: the other tabs have to find out.`;
}

/**
 * Tabs queue for the lead. Those before the window are loaded anew, and queue behind it: the one that leads comes last,
 * and by that passes the lead on.
 */
async function giveLeadTo(id: string, key: string): Promise<void> {
  const others = (deviceOf(id)?.tabs ?? []).filter((tab) => tab.key !== key);
  const leaders = others.filter(({ report }) => report?.role === "leader");
  for (const tab of [...others.filter((tab) => !leaders.includes(tab)), ...leaders]) {
    reloadTab(id, tab.key);
    await until(() => roleOf(id, tab.key) !== "starting");
  }
  await until(() => roleOf(id, key) === "leader" && tabOf(id, key)?.report?.status === "connected");
}

function tabOf(id: string, key: string): StageTab | undefined {
  return deviceOf(id)?.tabs.find((tab) => tab.key === key);
}

/** What a tab is among the others; it starts until it has told. */
function roleOf(id: string, key: string): string {
  return tabOf(id, key)?.report?.role ?? "starting";
}

/** Whether it comes to be so in time. */
async function until(holds: () => boolean): Promise<boolean> {
  if (holds()) return true;
  return new Promise((resolve) => {
    const over = (came: boolean) => {
      clearTimeout(timer);
      stop();
      resolve(came);
    };
    const timer = setTimeout(() => over(false), PATIENCE_MS);
    const stop = useStage.subscribe(() => holds() && over(true));
  });
}
