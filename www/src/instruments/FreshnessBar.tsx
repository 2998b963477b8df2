import { useContract } from "everfresh/react";
import type { ContractStatus } from "everfresh";
import { useId } from "react";
import { CONTRACTS } from "../contracts";
import type { ContractName } from "../contracts";
import { span, until, useNow } from "../ui/clock";
import { Pause, Play, Refresh } from "../ui/icons";
import { CAUSES } from "./causes";
import { useViolations } from "./violations";

const STATES: Record<ContractStatus["state"], string> = {
  fresh: "Fresh",
  stale: "Stale",
  empty: "Loading",
  violated: "Too old",
  unwatched: "Not in use",
  manual: "On request",
  disabled: "Off",
  paused: "Paused",
};

interface Props {
  name: ContractName;
  title: string;
  /** What is there to be seen. */
  value: string;
  explain: (name: ContractName) => void;
}

/** One contract: what is left of its window, what happens next, and what went wrong. */
export function FreshnessBar({ name, title, value, explain }: Props) {
  const { status, refresh, enable, disable } = useContract(name);
  const broken = useViolations((all) => all[name]);
  const now = useNow();
  const id = useId();
  const { maxAge } = CONTRACTS[name];
  const state = status?.state ?? "empty";
  const left = status?.deadline == null ? undefined : Math.min(maxAge, Math.max(0, status.deadline - now));
  const off = state === "disabled";
  return (
    <li className="contract" data-testid={`contract-${name}`} data-state={state} data-violations={status?.violations ?? 0}>
      <div className="contract-head">
        <h3 id={id}>{title}</h3>
        <span className="contract-value number">{value}</span>
        {/* Other words are another element: they stand at the right edge, and are not the old ones moved. */}
        <span key={state} className="contract-state">
          {STATES[state]}
        </span>
      </div>
      <div
        className="contract-bar"
        role="meter"
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={maxAge}
        aria-valuenow={left ?? 0}
        aria-valuetext={left === undefined ? STATES[state] : `fresh for ${span(left)} more`}
      >
        <span style={{ width: `${(100 * (left ?? 0)) / maxAge}%` }} />
      </div>
      <div className="contract-line">
        <p className="number">
          {windowOf(left, maxAge) + (status?.source ? `, by ${status.source}` : "")}
          <br />
          {off ? "nothing is asked for" : nextOf(status, now)}
        </p>
        <span className="contract-buttons">
          <button type="button" className="icon-button" title="Ask now" aria-label={`Ask for ${title} now`} data-testid={`refresh-${name}`} onClick={refresh}>
            <Refresh />
          </button>
          <button
            type="button"
            className="icon-button"
            title={off ? "Put it in force" : "Turn it off"}
            aria-label={`${title}: ${off ? "put the contract in force" : "turn the contract off"}`}
            aria-pressed={off}
            data-testid={`toggle-${name}`}
            onClick={off ? enable : disable}
          >
            {off ? <Play /> : <Pause />}
          </button>
        </span>
      </div>
      <p className="contract-foot">
        {status !== undefined && status.violations > 0 ? (
          <span className="contract-broken" data-testid={`violation-${name}`}>
            Broken {status.violations === 1 ? "once" : `${status.violations} times`}
            {broken && `, last by ${CAUSES[broken.cause] ?? broken.cause}`}
          </span>
        ) : (
          <span>Never broken</span>
        )}
        <button type="button" className="link-button" data-testid={`explain-${name}`} onClick={() => explain(name)}>
          Why is it so?<span className="visually-hidden"> {title}</span>
        </button>
      </p>
    </li>
  );
}

function windowOf(left: number | undefined, maxAge: number): string {
  if (left === undefined) return "no window runs";
  return left > 0 ? `${span(Math.min(left + 999, maxAge))} of ${span(maxAge)} left` : `over its ${span(maxAge)}`;
}

function nextOf(status: ContractStatus | undefined, now: number): string {
  if (status?.nextPoll == null) return "no look is planned";
  const often = status.interval === null ? "" : `, every ${span(status.interval)}`;
  return `next look ${until(status.nextPoll - now)}${often}`;
}
