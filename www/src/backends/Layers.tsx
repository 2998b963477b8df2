import type { EverfreshSnapshot, LiveEvent } from "everfresh";
import { useEverfresh } from "everfresh/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { clockTime, span, useNow } from "../ui/clock";
import { disturb } from "./ways";
import type { Beside, Shown, Way } from "./ways";

/** For how long the lab takes a server away. */
const AWAY_MS = 20_000;
const EVENTS = [
  ...["task_created", "task_updated", "task_deleted", "timeblock_updated"],
  ...["postgres:INSERT:public.tasks", "postgres:UPDATE:public.tasks", "postgres:DELETE:public.tasks", "postgres:UPDATE:public.timeblocks"],
];
const SHOWN = 6;

/** What the ways are called here, where a snapshot has no list of layers. */
const NAMES: Readonly<Record<string, string>> = { native: "everfresh", node: "socketio", python: "socketio" };

/** By which ways changes come, what is wrong with each, and the buttons that make it so. */
export function Layers({ way, beside, shown }: { way: Way; beside: Beside; shown: Shown }) {
  const live = useEverfresh();
  const snapshot = useSyncExternalStore(live.subscribe, live.getSnapshot, live.getServerSnapshot);
  const now = useNow(true);
  const told = useTold();
  const contract = snapshot.freshness.find((one) => one.contract === shown);
  return (
    <section className="card backends-layers" aria-labelledby="backends-layers">
      <h2 id="backends-layers">What brings changes</h2>
      <p className="backends-reason" data-testid="ways-reason">
        {snapshot.reason}
      </p>
      <ol>
        {rows(snapshot, way).map(({ layer, status, reason, brings, heard }) => (
          <li key={layer} data-brings={brings} data-testid={`layer-${layer}`} data-state={status}>
            <span className="backends-dot" />
            <strong>{layer}</strong>
            <span>{status}</span>
            <small>{[reason === status ? [] : reason, heard === null ? [] : `told of something ${span(now - heard)} ago`].flat().join("; ")}</small>
          </li>
        ))}
        <li data-brings={contract?.interval != null} data-testid="layer-looks">
          <span className="backends-dot" />
          <strong>looks</strong>
          <span>{contract?.interval == null ? "none needed" : `every ${span(contract.interval)}`}</span>
          <small>more often while nothing else can be relied on</small>
        </li>
      </ol>
      <Buttons way={way} beside={beside} />
      <h3>The last events</h3>
      <ol className="backends-told number" data-testid="ways-told">
        {told.map(({ name, channel, at }, index) => (
          <li key={`${at}-${index}`}>
            {clockTime(at)} {name} <small>by {channel === "/" ? "socketio" : channel}</small>
          </li>
        ))}
      </ol>
      <p className="backends-counts number" data-testid="ways-counts">
        {snapshot.counters.events} {snapshot.counters.events === 1 ? "event" : "events"}, {snapshot.counters.repeats} of them told before by another layer
      </p>
    </section>
  );
}

function rows({ layers, status, reason, since }: EverfreshSnapshot, way: Way): EverfreshSnapshot["layers"] {
  if (layers.length > 0) return layers;
  return [{ layer: NAMES[way.id] ?? way.id, status, reason, since, brings: status === "connected" || status === "degraded", heard: null }];
}

function Buttons({ way: { needs, layers }, beside }: { way: Way; beside: Beside }) {
  const [mute, setMute] = useState(false);
  return (
    <div className="backends-buttons">
      {Object.keys(needs).length === 0 && <a href="/stage">Its network is broken on the stage.</a>}
      {Object.entries(needs).map(([name, called]) => (
        <button
          key={name}
          type="button"
          className="button"
          data-testid={`away-${name}`}
          onClick={() => void disturb(beside[name] ?? "", "away", { ms: AWAY_MS })}
        >
          Take {called} away for {AWAY_MS / 1000} s
        </button>
      ))}
      {layers && (
        <button
          type="button"
          className="button"
          aria-pressed={mute}
          data-testid="mute-node"
          onClick={() => {
            setMute(!mute);
            void disturb(beside["node"] ?? "", "mute", { on: !mute });
          }}
        >
          {mute ? "Let Socket.IO speak again" : "Let Socket.IO say nothing"}
        </button>
      )}
    </div>
  );
}

interface Told {
  readonly name: string;
  readonly channel: string;
  readonly at: number;
}

/** The last events, the newest first. */
function useTold(): readonly Told[] {
  const live = useEverfresh<Record<string, unknown>>();
  const [told, setTold] = useState<readonly Told[]>([]);
  useEffect(() => {
    const hear = (_: unknown, { name, channel }: LiveEvent) =>
      setTold((before) => [{ name, channel, at: Date.now() }, ...before].slice(0, SHOWN));
    const ends = EVENTS.map((name) => live.on(name, hear));
    return () => ends.forEach((end) => end());
  }, [live]);
  return told;
}
