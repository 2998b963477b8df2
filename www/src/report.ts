import type { ConnectionStatus, Counters, Metrics, TabRole, Transport } from "everfresh";
import type { Scene } from "./scenes/scenes";

/** What a tab on the stage tells the stage about itself: what it would show on its own. */
export interface Report {
  readonly kind: "report";
  readonly device: string;
  readonly tab: string;
  readonly user: string;
  /** Somebody else logged in in another tab of the device: this one shows nothing. */
  readonly fenced: boolean;
  readonly role: TabRole;
  readonly tabs: number;
  readonly status: ConnectionStatus;
  readonly transport: Transport | null;
  /**
   * The lists of tasks that are on the screen, by their project (`""` for all), in a form in which they can be compared;
   * `null` before there is anything.
   */
  readonly shown: Readonly<Record<string, string>> | null;
  /** The days of the calendar that are on the screen, by their spans, in the same form. */
  readonly days: Readonly<Record<string, string>>;
  readonly queue: { readonly count: number; readonly dead: number; readonly conflicts: number };
  readonly counters: Counters;
  readonly metrics: Metrics | null;
  /** Requests for lists of tasks that were answered, and how many of them with 304. */
  readonly traffic: { readonly answered: number; readonly unchanged: number };
  readonly violations: number;
}

/** A change that somebody made in a tab, or one that a tab has painted. */
export interface Sighting {
  readonly kind: "acted" | "painted";
  readonly id: string;
  /** That of the record: before the change where somebody acted, and after it where it is painted. */
  readonly version: number;
  /** Milliseconds since 1970, of a clock that all tabs of the stage share and nobody sets. */
  readonly at: number;
}

/** A tab in a window of its own does nothing from now on, for so many milliseconds: no timer, no message, no answer. */
export interface Standstill {
  readonly kind: "still";
  readonly for: number;
}

/** A tab in a window of its own was closed. */
export interface Gone {
  readonly kind: "gone";
}

export type Told = Report | Sighting | Standstill | Gone;

/** What the stage asks of a tab. */
export type Order =
  | { readonly order: "login"; readonly user: string }
  | { readonly order: "scene"; readonly scene: Scene }
  | { readonly order: "clock"; readonly by: number }
  | { readonly order: "reconnect" }
  | { readonly order: "reload" }
  | { readonly order: "still"; readonly for: number }
  | { readonly order: "close" };

/** Between the stage and the tabs in windows of their own there is a channel, by this name. */
export const channelOfStage = (stage: string) => `everfresh-demo:stage:${stage}`;

/** In place of one window's name. */
export const ALL_WINDOWS = "*";

/** What goes over it: each window says which it is, and hears what is for it. */
export type OverChannel =
  | { readonly from: string; readonly device: string; readonly told: Told }
  | { readonly to: string; readonly order: Order };

interface Comparable {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly status: string;
  readonly project: string | null;
}

/** A list of tasks as one text, which is the same where the same is shown. */
export function comparable(tasks: readonly Comparable[]): string {
  const lines = tasks.map(({ id, version, title, status, project }) => JSON.stringify([id, version, title, status, project]));
  return lines.sort().join("\n");
}

interface ComparableBlock {
  readonly id: string;
  readonly version: number;
  readonly start: number;
  readonly end: number;
}

/** The same for the blocks of a day. */
export function comparableBlocks(blocks: readonly ComparableBlock[]): string {
  const lines = blocks.map(({ id, version, start, end }) => JSON.stringify([id, version, start, end]));
  return lines.sort().join("\n");
}
