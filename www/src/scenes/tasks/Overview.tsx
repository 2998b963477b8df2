import { useChannel } from "everfresh/react";
import { Avatar } from "../../people/Avatar";
import { firstNameOf, nameOf } from "../../people/people";
import { clockTime } from "../../ui/clock";
import { spanWords } from "../calendar/time";
import type { TaskStatus } from "./api";
import { STATUS_WORDS, useActivity, useCounts, useMembers, useThisWeek } from "./families";
import type { Doing } from "./families";
import "./Overview.css";

const STATUSES: readonly TaskStatus[] = ["todo", "doing", "done"];
const DOINGS = 5;
const BLOCKS = 5;

/** What there is to know about a project beside its tasks: each part is a query of another family. */
export function Overview({ project }: { project: string | null }) {
  return (
    <div className="overview">
      <Counts project={project} />
      <Members project={project} />
      <Activity project={project} />
      <ThisWeek />
    </div>
  );
}

function Counts({ project }: { project: string | null }) {
  const { data } = useCounts(project);
  return (
    <section className="card overview-part" aria-labelledby="counts-title">
      <h2 id="counts-title">How far it is</h2>
      <dl className="overview-counts number" data-testid="counts">
        {STATUSES.map((status) => (
          <div key={status} data-status={status}>
            <dt>{STATUS_WORDS[status]}</dt>
            <dd data-testid={`count-${status}`}>{data?.[status] ?? "–"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Members({ project }: { project: string | null }) {
  const { data } = useMembers(project);
  return (
    <section className="card overview-part" aria-labelledby="members-title">
      <h2 id="members-title">Who changed it</h2>
      <ul className="overview-lines" data-testid="members">
        {data?.map(({ user, changes }) => (
          <li key={user} data-user={user}>
            <Avatar user={user} small />
            <span className="overview-text">{nameOf(user)}</span>
            <span className="number">{changes === 1 ? "1 change" : `${changes} changes`}</span>
          </li>
        ))}
        {data?.length === 0 && <li>Nobody yet: change a task.</li>}
      </ul>
    </section>
  );
}

function Activity({ project }: { project: string | null }) {
  const { data } = useActivity(project);
  return (
    <section className="card overview-part" aria-labelledby="activity-title">
      <h2 id="activity-title">Latest changes</h2>
      <ol className="overview-lines" data-testid="activity">
        {data?.slice(0, DOINGS).map((doing) => (
          <li key={`${doing.task} ${doing.version} ${doing.field}`} data-task={doing.task} data-version={doing.version}>
            <span className="overview-text" title={doing.title}>
              {doing.title}
            </span>
            <span>{wordsOf(doing)}</span>
            <time className="number" dateTime={new Date(doing.at).toISOString()}>
              {clockTime(doing.at)}
            </time>
          </li>
        ))}
        {data?.length === 0 && <li>Nothing has been done yet.</li>}
      </ol>
    </section>
  );
}

/** The calendar is of all projects, and told of on a channel of its own. */
function ThisWeek() {
  useChannel("calendar");
  const { data } = useThisWeek();
  const now = Date.now();
  const next = data?.filter(({ end }) => end > now).slice(0, BLOCKS);
  return (
    <section className="card overview-part" aria-labelledby="week-title">
      <h2 id="week-title">This week</h2>
      <ol className="overview-lines" data-testid="this-week">
        {next?.map((block) => (
          <li key={block.id}>
            <span className="overview-text">{block.title}</span>
            <span className="number">{spanWords(block)}</span>
          </li>
        ))}
        {next?.length === 0 && <li>Nothing more this week.</li>}
      </ol>
    </section>
  );
}

function wordsOf({ field, version, to, user }: Doing): string {
  const by = user === null ? "" : ` by ${firstNameOf(user)}`;
  if (version === 1) return `added${by}`;
  if (field === "status") return `${STATUS_WORDS[to as TaskStatus] ?? to}${by}`;
  return `renamed${by}`;
}
