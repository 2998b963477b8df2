import type { Explanation, JournalEntry } from "everfresh";
import { clockTime } from "../ui/clock";

/** An entry of the journal as people read it. */
export interface Words {
  readonly what: string;
  /** Who said so. */
  readonly who: string;
}

type Members = Partial<Record<"part" | "what" | "event" | "channel" | "why" | "by" | "name", string>> & {
  readonly attempt?: string;
  readonly others?: string;
  readonly keys?: readonly unknown[];
  readonly count?: number;
  readonly last?: number;
};

const LINK: Record<string, string> = {
  idle: "No connection is wanted",
  connecting: "A connection is being made",
  connected: "The connection stands",
  reconnecting: "The connection is lost, and made anew",
  polling: "The server has no connections, and is asked",
  degraded: "Connected by a lower way than a socket",
  offline: "There is no network",
  "needs-auth": "The server asks who is there",
  failed: "The connection is given up",
  closed: "The connection is closed",
};

const ROLES: Record<string, string> = {
  starting: "This tab looks for the others",
  leader: "This tab holds the connection for all tabs",
  follower: "Another tab holds the connection for this one",
  alone: "This tab is by itself",
};

const FETCHES: Record<string, string> = {
  started: "a fetch began",
  done: "the fetch ended",
  failed: "the fetch failed",
  cancelled: "the fetch was cancelled",
  put: "data was given without a fetch",
};

/** What a contract has data looked at for. */
const CONTRACT: Record<string, string> = {
  poll: "it was time",
  focus: "somebody came back",
  reload: "the page was loaded again",
  wake: "the clock jumped",
  user: "somebody asked for it",
};

/** How the connection and this tab stand. */
export function stateOf({ status, reason, role }: Explanation): string {
  const why = reason === status ? "" : `: ${reason}`;
  return `${LINK[status] ?? status}${why}. ${ROLES[role] ?? role}.`;
}

/** What an entry says, in words. Of one that is not known yet its own words are shown. */
export function wordsOf(entry: JournalEntry): Words {
  const members = entry as Members;
  const { what, who } = wordsOfPart(members);
  const { count, last } = members;
  return count === undefined || last === undefined ? { what, who } : { what: `${what}, ${count} times until ${clockTime(last)}`, who };
}

function wordsOfPart(entry: Members): Words {
  const { part = "", what = "" } = entry;
  switch (part) {
    case "link": {
      const tries = entry.attempt === undefined ? "" : `, after ${entry.attempt} ${entry.attempt === "1" ? "try" : "tries"} that failed`;
      return { what: `${LINK[what] ?? what}${tries}`, who: "the connection" };
    }
    case "tabs":
      return { what: ROLES[what] ?? what, who: "the tabs of this browser" };
    case "channels":
      return { what: channelWords(entry), who: "the server" };
    case "invalidation":
      return { what: `${keysOf(entry)} may have changed`, who: reasonOf(entry) };
    case "freshness":
      return { what: `${keysOf(entry)}: ${FETCHES[what] ?? what}`, who: "TanStack Query" };
    default:
      return { what: [what, entry.name].filter(Boolean).join(" "), who: part };
  }
}

function channelWords({ what, event, channel }: Members): string {
  switch (what) {
    case "event":
      return `Event ${event} on ${channel}`;
    case "duplicate":
      return `Event ${event} on ${channel} came again, and was dropped`;
    case "ahead":
      return `Event ${event} on ${channel} came before others: those are asked for`;
    default:
      return `Something may have been missed on ${channel}`;
  }
}

function reasonOf({ why = "", by = "" }: Members): string {
  if (why === "event") return `the event ${by}`;
  if (why === "gap") return `a gap on ${by}`;
  if (why === "app") return "this page";
  return `the contract ${by}: ${CONTRACT[why] ?? why}`;
}

function keysOf({ keys = [], others }: Members): string {
  const named = keys.map((key) => JSON.stringify(key)).join(", ");
  return others === undefined ? named : `${named} and ${others} more`;
}
