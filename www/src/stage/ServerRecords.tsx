import { clockTime } from "../ui/clock";
import { leadersOf, useStage } from "./devices";
import { useRecords } from "./records";

/** The server's own account, against which everything else on this page can be held. */
export function ServerRecords() {
  const { stats, reachable, own } = useRecords();
  const devices = useStage((stage) => stage.devices);
  const known = new Set(leadersOf(devices).map(({ tab }) => tab));
  return (
    <section className="card instrument" aria-labelledby="records-title" data-testid="records" data-reachable={reachable}>
      <h2 id="records-title">The server’s own records</h2>
      <dl className="facts number">
        <dt>Answers</dt>
        <dd>{reachable ? "Yes" : "No: what follows is from before"}</dd>
        <dt>Connections open</dt>
        <dd data-testid="records-sockets">{stats?.sockets_open ?? "–"}</dd>
        <dt>Connections since its start</dt>
        <dd>{stats?.sockets_total ?? "–"}</dd>
        <dt>Events sent</dt>
        <dd data-testid="records-events">{stats?.events_total ?? "–"}</dd>
        <dt>Requests for records</dt>
        <dd>{stats === null ? "–" : `${stats.requests_total}, of them ${own} by this page`}</dd>
        <dt>Answered with 304</dt>
        <dd>{stats?.not_modified_total ?? "–"}</dd>
      </dl>
      <ul className="records-list" aria-label="Connections">
        {stats?.connections.map(({ client, since, channels }) => (
          <li key={client}>
            <code>{client}</code>
            <span>{known.has(client) ? "a leader on this page" : "another page"}</span>
            <span className="number">
              since {clockTime(since)}, {channels.length === 1 ? "1 channel" : `${channels.length} channels`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
