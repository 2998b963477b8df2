import { useContract } from "everfresh/react";
import type { ContractStatus } from "everfresh";
import { CONTRACTS } from "../contracts";
import type { ContractName } from "../contracts";
import { span, until, useNow } from "../ui/clock";
import { CAUSES } from "./causes";
import { useViolations } from "./violations";
import "./Families.css";

/** The families of queries that the scene of tasks shows. */
const FAMILIES: readonly ContractName[] = ["tasks", "counts", "projects", "activity", "members", "calendar"];

/** How often each family is looked at: it follows the health of the link, and is to be watched while that fails. */
export function Families({ explain }: { explain: (name: ContractName) => void }) {
  return (
    <table className="families number" data-testid="families">
      <caption>
        How often each family is looked at follows the link: about 30 s while events come, 15 s and 10 s while none does, 5 s without it.
        Its bar is the time that it may still go without a look.
      </caption>
      <thead>
        <tr>
          <th scope="col">Family</th>
          <th scope="col">Every</th>
          <th scope="col">Next</th>
          <th scope="col">Last by</th>
        </tr>
      </thead>
      <tbody>
        {FAMILIES.map((name) => (
          <Family key={name} name={name} explain={explain} />
        ))}
      </tbody>
    </table>
  );
}

function Family({ name, explain }: { name: ContractName; explain: (name: ContractName) => void }) {
  const { status } = useContract(name);
  const now = useNow();
  const broken = useViolations((all) => all[name]);
  const { interval = null, nextPoll = null, source = null, state = "empty", deadline = null, violations = 0 } = status ?? {};
  const { maxAge } = CONTRACTS[name];
  const left = Math.min(maxAge, Math.max(0, (deadline ?? now) - now));
  return (
    <>
      <tr data-testid={`family-${name}`} data-interval={interval ?? ""} data-source={source ?? ""} data-state={state}>
        <th scope="row">
          <button type="button" className="link-button" onClick={() => explain(name)}>
            {String(CONTRACTS[name].key[0])}
          </button>
          <span
            className="family-bar"
            role="meter"
            aria-label={`Time that ${CONTRACTS[name].key[0]} may still go without a look`}
            aria-valuemin={0}
            aria-valuemax={maxAge}
            aria-valuenow={left}
            aria-valuetext={deadline === null ? "no window runs" : `${span(left)} of ${span(maxAge)}`}
          >
            <span style={{ width: `${(100 * left) / maxAge}%` }} />
          </span>
        </th>
        <td key={interval} className="family-interval" data-pace={paceOf(interval)}>
          {interval === null ? "–" : span(interval)}
        </td>
        <td>{nextPoll === null ? "–" : until(nextPoll - now)}</td>
        <td className="family-source">{source ?? "–"}</td>
      </tr>
      {violations > 0 && (
        <tr className="family-broken" data-testid={`family-broken-${name}`}>
          <td colSpan={4}>
            Broken {violations === 1 ? "once" : `${violations} times`}
            {broken && `, last by ${CAUSES[broken.cause] ?? broken.cause}`}
          </td>
        </tr>
      )}
    </>
  );
}

/** Whether events are believed, are missing for a while, or cannot come. */
function paceOf(interval: ContractStatus["interval"]): "fresh" | "aging" | "down" | undefined {
  if (interval === null) return undefined;
  return interval > 15_000 ? "fresh" : interval > 5000 ? "aging" : "down";
}
