import type { TabRole } from "everfresh";
import "./Wiring.css";

interface Props {
  role: TabRole;
  tabs: number;
  connected: boolean;
  /** Events received so far. Each one travels down the wire. */
  events: number;
}

const WIDTH = 300;
const HEIGHT = 154;
/** Tabs that are drawn one by one. More of them are a number, so that the picture keeps its size. */
const DRAWN_MOST = 4;
const TAB = { width: 46, height: 32, gap: 16, top: 92 };
const SERVER = { width: 96, height: 32, top: 6 };

/** Server, socket and tabs, drawn. The words around it say the same to whoever does not see it. */
export function Wiring({ role, tabs, connected, events }: Props) {
  const drawn = tabs > DRAWN_MOST ? DRAWN_MOST - 1 : tabs;
  const places = tabs > DRAWN_MOST ? DRAWN_MOST : tabs;
  const left = (WIDTH - places * TAB.width - (places - 1) * TAB.gap) / 2;
  const tabX = (index: number) => left + index * (TAB.width + TAB.gap);
  const tabCentre = (index: number) => tabX(index) + TAB.width / 2;
  // The leader is drawn first, wherever it is among the browser's tabs.
  const own = role === "follower" ? 1 : 0;
  const led = role === "leader" || role === "follower";
  const wire = wirePath(tabCentre(role === "alone" ? own : 0));
  const middle = TAB.top + TAB.height / 2;
  const lastEdge = tabX(places - 1) + (places > drawn ? 6 : 0);
  const way = own === 0 ? wire : `${wire} V ${middle} H ${tabCentre(own)}`;
  return (
    <svg className="wiring" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path className="wire" data-connected={connected} d={wire} />
      {drawn > 1 && led && <path className="wire-between" d={`M ${tabCentre(0)} ${middle} H ${lastEdge}`} />}
      <rect
        className="wiring-server"
        x={(WIDTH - SERVER.width) / 2}
        y={SERVER.top}
        width={SERVER.width}
        height={SERVER.height}
        rx="8"
      />
      <text className="wiring-label wiring-strong" x={WIDTH / 2} y={SERVER.top + 21}>
        Server
      </text>
      {Array.from({ length: drawn }, (_, index) => (
        <g key={index} className="wiring-tab" data-own={index === own}>
          <rect x={tabX(index)} y={TAB.top} width={TAB.width} height={TAB.height} rx="6" />
          <path className="wiring-tab-title" d={`M ${tabX(index) + 5} ${TAB.top + 6.5} H ${tabX(index) + 16}`} />
          {led && index === 0 && <Crown x={tabCentre(index)} y={TAB.top + 19} />}
        </g>
      ))}
      {places > drawn && (
        <text className="wiring-label wiring-strong" x={tabCentre(drawn)} y={middle + 5}>
          +{tabs - drawn}
        </text>
      )}
      <text className="wiring-label" x={tabCentre(own)} y={TAB.top + TAB.height + 19}>
        this tab
      </text>
      {/* Another key is another element, and so the same motion once more. */}
      {events > 0 && <circle key={events} className="wire-event" r="4.5" style={{ offsetPath: `path("${way}")` }} />}
    </svg>
  );
}

/** From the middle of the server down to a tab, with two round corners where the tab is not below it. */
function wirePath(x: number): string {
  const from = { x: WIDTH / 2, y: SERVER.top + SERVER.height };
  const aside = x - from.x;
  if (Math.abs(aside) < 1) return `M ${from.x} ${from.y} V ${TAB.top}`;
  const bend = (from.y + TAB.top) / 2;
  const radius = Math.min(10, Math.abs(aside) / 2);
  const turn = Math.sign(aside) * radius;
  return [
    `M ${from.x} ${from.y} V ${bend - radius}`,
    `Q ${from.x} ${bend} ${from.x + turn} ${bend}`,
    `H ${x - turn} Q ${x} ${bend} ${x} ${bend + radius}`,
    `V ${TAB.top}`,
  ].join(" ");
}

function Crown({ x, y }: { x: number; y: number }) {
  const outline = `M ${x - 8} ${y - 4} l 4.3 3.6 L ${x} ${y - 7} l 3.7 6.6 4.3 -3.6 -1.6 9 h -12.8 z`;
  return <path className="wiring-crown" d={outline} />;
}
