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
  return (
    <section className="card instrument" aria-labelledby="savings-title" data-testid="savings">
      <h2 id="savings-title">With and without</h2>
      <p className="instrument-words">
        The same tabs, the same events. Without Everfresh each tab has a socket of its own, and asks for the tasks again at each event.
      </p>
      <Compared name="Connections now" id="sockets" real={stats?.sockets_open ?? 0} without={tabs} />
      <Compared name="Requests for the tasks so far" id="requests" real={reads} without={past.tabs + tabs + events} />
      <p className="instrument-foot number">
        {sum(({ traffic }) => traffic.unchanged)} of these requests were answered with 304, without a body.
      </p>
    </section>
  );
}

function Compared({ name, id, real, without }: { name: string; id: string; real: number; without: number }) {
  const most = Math.max(real, without, 1);
  return (
    <div className="compared">
      <h3>{name}</h3>
      <dl>
        <Bar label="With" value={real} share={real / most} id={`with-${id}`} />
        <Bar label="Without" value={without} share={without / most} id={`without-${id}`} />
      </dl>
    </div>
  );
}

function Bar({ label, value, share, id }: { label: string; value: number; share: number; id: string }) {
  return (
    <div className="compared-row" data-label={label}>
      <dt>{label}</dt>
      <dd>
        <svg className="compared-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect className="bar-ground" width="100" height="8" rx="0" />
          <rect className="bar-value" width={Math.max(1, share * 100)} height="8" />
        </svg>
        <span className="number" data-testid={id} data-value={value}>
          {value.toLocaleString("en")}
        </span>
      </dd>
    </div>
  );
}
