import { useStage } from "./devices";
import { useRecords } from "./records";
import "./Instruments.css";

/** Connections and requests, beside what the same tabs and the same events would have cost without Everfresh. */
export function Savings() {
  const { devices, past } = useStage();
  const { stats } = useRecords();
  const reports = devices.flatMap(({ tabs }) => tabs.map(({ report }) => report)).filter((report) => report !== null);
  const tabs = reports.length;
  const sum = (of: (report: (typeof reports)[number]) => number) => reports.reduce((all, report) => all + of(report), 0);
  const events = past.events + sum(({ counters }) => counters.events);
  const reads = past.reads + sum(({ traffic }) => traffic.answered);
  const unchanged = past.unchanged + sum(({ traffic }) => traffic.unchanged);
  return (
    <section className="card instrument" aria-labelledby="savings-title" data-testid="savings">
      <h2 id="savings-title">With and without</h2>
      <p className="instrument-words">
        The same tabs, the same events. Without Everfresh each tab has a socket of its own, and asks for the tasks at its start and at
        each event.
      </p>
      <Compared name="Connections now" id="sockets" real={stats?.sockets_open ?? 0} without={tabs} />
      <Compared name="Requests for the tasks so far" id="requests" real={reads} bare={unchanged} without={past.tabs + tabs + events} />
      <p className="instrument-foot number" data-testid="savings-foot">
        {unchanged} of the {reads} with Everfresh were answered with 304, without a body: the paler part. Each tab asks once more when it
        is subscribed, and after a loss: what happened just before may be missed otherwise. Without Everfresh nobody looks, and it is.
      </p>
    </section>
  );
}

interface ComparedProps {
  name: string;
  id: string;
  real: number;
  /** How many of these brought nothing, and cost next to nothing. */
  bare?: number;
  without: number;
}

function Compared({ name, id, real, bare = 0, without }: ComparedProps) {
  const most = Math.max(real, without, 1);
  return (
    <div className="compared">
      <h3>{name}</h3>
      <dl>
        <Bar label="With" value={real} share={real / most} full={(real - bare) / most} id={`with-${id}`} />
        <Bar label="Without" value={without} share={without / most} full={without / most} id={`without-${id}`} />
      </dl>
    </div>
  );
}

interface BarProps {
  label: string;
  value: number;
  share: number;
  /** The part of it that is drawn in full colour. */
  full: number;
  id: string;
}

function Bar({ label, value, share, full, id }: BarProps) {
  return (
    <div className="compared-row" data-label={label}>
      <dt>{label}</dt>
      <dd>
        <svg className="compared-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect className="bar-ground" width="100" height="8" rx="0" />
          <rect className="bar-most" width={Math.max(1, share * 100)} height="8" />
          <rect className="bar-value" width={Math.max(1, full * 100)} height="8" />
        </svg>
        <span className="number" data-testid={id} data-value={value}>
          {value.toLocaleString("en")}
        </span>
      </dd>
    </div>
  );
}
