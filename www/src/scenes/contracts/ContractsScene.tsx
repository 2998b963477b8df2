import { useEverfresh } from "everfresh/react";
import { useState } from "react";
import { Explain } from "../../instruments/Explain";
import { FreshnessBar } from "../../instruments/FreshnessBar";
import { useTraffic } from "../../net/traffic";
import { Admin, Books, DailyPlan, Planner, Progress, Steps } from "./Bodies";
import type { PageName } from "./contracts";
import { FocusTimer } from "./FocusTimer";
import { ADDRESSES } from "./pages";
import "../../instruments/FreshnessPanel.css";
import "./contracts.css";

interface Page {
  readonly name: PageName;
  readonly title: string;
  readonly promise: string;
  readonly body: React.JSX.Element;
}

const PAGES: readonly Page[] = [
  { name: "focus", title: "Focus timer", promise: "30 s, also while hidden", body: <FocusTimer /> },
  { name: "planner", title: "Planner", promise: "30 s, rests while hidden", body: <Planner /> },
  { name: "dailyPlan", title: "Daily plan", promise: "5 min, when asked", body: <DailyPlan /> },
  { name: "quests", title: "Quests", promise: "1 min", body: <Steps page="quests" /> },
  { name: "habits", title: "Habits", promise: "1 min", body: <Steps page="habits" /> },
  { name: "progress", title: "Progress", promise: "1 min", body: <Progress /> },
  { name: "books", title: "Books", promise: "2 min, off during forms", body: <Books /> },
  { name: "admin", title: "Admin", promise: "when asked", body: <Admin /> },
];

/** Eight pages of one app, each with a promise of its own about how old its data gets. */
export function ContractsScene() {
  const [asked, setAsked] = useState<PageName | null>(null);
  const { contracts } = useEverfresh();
  return (
    <>
      <div className="scene-head">
        <div>
          <h1>Contracts</h1>
          <p className="freshness">Each page says how old its data may get. Nobody has to be told of a change for that.</p>
        </div>
      </div>
      <Saved />
      <h2 className="visually-hidden">Pages</h2>
      <ul className="pages">
        {PAGES.map(({ name, title, promise, body }) => (
          <li key={name} className="card page-card" data-testid={`page-card-${name}`}>
            <ul className="page-contract">
              <FreshnessBar name={name} title={title} value={promise} explain={() => setAsked(name)} />
            </ul>
            {body}
          </li>
        ))}
      </ul>
      {asked !== null && <Explain family={contracts.families[asked] ?? [asked]} over={() => setAsked(null)} />}
    </>
  );
}

/** What looking again cost: most answers say only that nothing has changed. */
function Saved() {
  const { urls } = useTraffic();
  const known = Object.values(ADDRESSES).map((url) => urls[url] ?? { answered: 0, unchanged: 0 });
  const answered = known.reduce((sum, one) => sum + one.answered, 0);
  const unchanged = known.reduce((sum, one) => sum + one.unchanged, 0);
  return (
    <p className="saved number" data-testid="saved" data-answered={answered} data-unchanged={unchanged}>
      {/* Other numbers are another element, and no old words that moved. */}
      <span key={`${answered} ${unchanged}`}>
        <strong>{answered}</strong> requests, <strong>{unchanged}</strong> answered with 304: nothing had changed, and no body was sent.
      </span>
    </p>
  );
}
