// Which cases there are, and how they are run.

import { core } from "../cases/core.mjs";
import { doors } from "../cases/doors.mjs";
import { events, kept } from "../cases/events.mjs";
import { leaseRestart, leases, slowLeases } from "../cases/leases.mjs";
import { mutations } from "../cases/mutations.mjs";
import { people } from "../cases/people.mjs";
import { presence, slowPresence } from "../cases/presence.mjs";
import { timing } from "../cases/timing.mjs";
import { writes } from "../cases/writes.mjs";
import { Case, Skip } from "./case.mjs";
import { Fault } from "./page.mjs";

/** So many at a time: most of a case is waiting. */
const AT_ONCE = 8;

const overHttp = (cases) =>
  ["sse", "poll"].flatMap((way) =>
    cases.filter((one) => one.ways).map((one) => ({ ...one, way, name: `${way}: ${one.name}` })));

export const LEVELS = {
  core: [...core, ...events, ...kept],
  http: [...overHttp([...core, ...events]), ...doors],
  people: [...people, ...overHttp(people)],
  presence,
  leases: [...leases, ...leaseRestart],
  writes,
  mutations: [...mutations, ...overHttp(mutations)],
  timing: [...timing, ...slowPresence, ...slowLeases],
};

/** What is run unless levels are named: all that takes seconds. */
const USUAL = Object.keys(LEVELS).filter((level) => level !== "timing");

export const OPTIONS = {
  level: { type: "string", multiple: true },
  only: { type: "string", multiple: true, default: [""] },
  publish: { type: "string" },
  restart: { type: "string" },
  forget: { type: "string" },
  tasks: { type: "string" },
  header: { type: "string", multiple: true },
  token: { type: "string" },
  "wrong-token": { type: "string" },
  "other-token": { type: "string" },
  closed: { type: "string" },
  channels: { type: "string", default: "conformance-" },
  patience: { type: "string", default: "15000" },
  json: { type: "boolean" },
  help: { type: "boolean" },
};

export const HELP = `node conformance/run.mjs URL [OPTIONS]      URL is that of the socket, such as ws://127.0.0.1:4600/live

  --level LEVEL      ${Object.keys(LEVELS).join(", ")}; repeatable [all but timing]
  --only TEXT        only the cases whose name holds TEXT; repeatable
  --publish URL      POST {"channel","name","data"} there publishes an event
  --restart URL      POST there restarts the server, and is answered when it listens again
  --forget URL       POST {"channel"} there makes the server forget what it kept of the channel; it may restart for it
  --tasks URL        the collection of tasks for the levels writes and mutations, such as http://127.0.0.1:4600/api/tasks
  --header TEXT      NAME: VALUE, sent to the URLs above; repeatable
  --token TOKEN      what pages say in \`hello\`
  --wrong-token TOKEN  one that nobody is known by
  --other-token TOKEN  one of another person
  --closed CHANNEL   a channel that is not for the person of --token
  --channels TEXT    what the names of the channels begin with [conformance-]
  --patience MS      how long an answer may take [15000]
  --json             the result as JSON

What needs a URL that was not given is skipped, and said so. The exit code is 1 if a case failed.`;

/** Runs the cases; returns how each came out, in their order. */
export async function run(options) {
  const cases = (options.level ?? USUAL)
    .flatMap((level) => LEVELS[level].map((one) => ({ level, ...one })))
    .filter((one) => options.only.some((text) => one.name.includes(text)));
  const results = new Map();
  const queue = cases.filter((one) => !one.alone);
  const worker = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) results.set(one, await runOne(one, options));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const one of cases.filter((other) => other.alone)) results.set(one, await runOne(one, options));
  return cases.map((one) => results.get(one));
}

async function runOne({ level, name, says, way = "socket", run: play }, options) {
  const test = new Case(options, way);
  const result = { level, name, says, outcome: "passed" };
  try {
    await play(test);
  } catch (error) {
    if (error instanceof Skip) Object.assign(result, { outcome: "skipped", why: error.message });
    else {
      // What is no fault of the server is one of a hook, or of this program: where it came from helps then.
      const why = error instanceof Fault ? error.message : (error.stack ?? String(error));
      Object.assign(result, { outcome: "failed", why, story: [...test.story] });
    }
  } finally {
    test.over();
  }
  return result;
}
