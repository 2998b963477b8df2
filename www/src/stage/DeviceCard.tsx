import { useState } from "react";
import { Avatar } from "../people/Avatar";
import { firstNameOf } from "../people/people";
import { Close, Crown, Plus } from "../ui/icons";
import { InWindow } from "./InWindow";
import { TABS_MOST, addTab, closeDevice, closeTab, frameOf, useStage, userOf } from "./devices";
import type { StageDevice, StageTab } from "./devices";

const WAYS = { ws: "WebSocket", sse: "event stream", poll: "polling" } as const;

/** One browser: its tabs side by side, over the one connection that they share. */
export function DeviceCard({ device, name }: { device: StageDevice; name: string }) {
  const { id, as, tabs } = device;
  // One that stands still may believe for a while that it leads, when another does.
  const leaders = tabs.filter(({ report }) => report?.role === "leader" || report?.role === "alone");
  const holder = leaders.find(({ still }) => still === null) ?? leaders[0];
  return (
    <section
      className="device"
      aria-label={`${name}'s browser`}
      data-testid="device"
      data-device={id}
      data-user={userOf(device)}
      data-tabs={Math.min(tabs.length, 3)}
    >
      <header className="device-head">
        <Avatar user={userOf(device)} small />
        <div>
          <h2>{name}’s browser</h2>
          <p className="device-link" data-live={isLive(holder)} data-testid="device-link">
            {linkWords(holder)}
          </p>
        </div>
        <button
          type="button"
          className="button button-small"
          data-testid="add-tab"
          disabled={tabs.length >= TABS_MOST}
          onClick={() => addTab(id)}
        >
          <Plus />
          Tab
          <span className="visually-hidden"> in {name}’s browser</span>
        </button>
        <button
          type="button"
          className="icon-button"
          data-testid="close-device"
          title="Close this browser"
          aria-label={`Close ${name}’s browser`}
          onClick={() => closeDevice(id)}
        >
          <Close />
        </button>
      </header>
      <div className="device-tabs">
        {tabs.map((tab, index) => (
          <TabFrame key={tab.key} device={id} as={as} tab={tab} holds={tab === holder} title={`Tab ${index + 1}`} owner={name} />
        ))}
      </div>
    </section>
  );
}

function isLive(holder: StageTab | undefined): boolean {
  const status = holder?.report?.status;
  return holder?.still === null && (status === "connected" || status === "degraded");
}

function linkWords(holder: StageTab | undefined): string {
  if (holder === undefined || holder.report === null) return "starting";
  const { status, transport } = holder.report;
  if (holder.still !== null) return "its connection stands still";
  if (transport !== null && (status === "connected" || status === "degraded")) return `one connection, ${WAYS[transport]}`;
  if (status === "reconnecting" && transport !== null) return `reconnecting, tries ${WAYS[transport]}`;
  return status === "needs-auth" ? "login needed" : status;
}

interface FrameProps {
  device: string;
  as: string;
  tab: StageTab;
  /** Whether it is the one that has the connection. */
  holds: boolean;
  title: string;
  owner: string;
}

/** A frame of this origin is a tab to the browser: it has locks, channels and storage like any other. */
function TabFrame({ device, as, tab, holds, title, owner }: FrameProps) {
  const { report, key, apart, still } = tab;
  // The scene that it begins with: a frame whose address changes would be loaded again.
  const [src] = useState(() => `/?device=${device}&as=${as}&scene=${useStage.getState().scene}`);
  const leads = report?.role === "leader" && holds;
  return (
    <article className="stage-tab" data-testid="stage-tab" data-role={report?.role ?? "starting"} data-status={report?.status ?? "idle"} data-apart={apart} data-still={still !== null}>
      <header className="stage-tab-head">
        <span className="stage-tab-mark">{leads ? <Crown /> : null}</span>
        <h3>
          {title}
          <span className="visually-hidden"> of {owner}</span>
        </h3>
        <span className="stage-tab-role" data-testid="stage-tab-role">
          {roleWords(tab)}
        </span>
        <button
          type="button"
          className="icon-button"
          data-testid="close-tab"
          title="Close this tab"
          aria-label={`Close ${title} of ${owner}`}
          onClick={() => closeTab(device, key)}
        >
          <Close />
        </button>
      </header>
      {apart ? (
        <InWindow device={device} tab={tab} owner={owner} />
      ) : (
        <iframe ref={frameOf(key)} className="stage-frame" title={`${title} of ${owner}`} src={src} />
      )}
    </article>
  );
}

function roleWords(tab: StageTab): string {
  const { report, still } = tab;
  if (still !== null) return "stands still";
  if (report === null) return "opening";
  if (report.fenced) return `${firstNameOf(report.user)} was here`;
  return report.role === "leader" && !isLive(tab) ? "leads, and is not connected" : ROLES[report.role];
}

const ROLES = {
  leader: "holds the connection",
  follower: "is told by the leader",
  alone: "has its own connection",
  starting: "joining",
} as const;
