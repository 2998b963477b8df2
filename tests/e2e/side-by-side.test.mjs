// The page of bench/query, for what in it is not a matter of time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { figures } from "../../bench/query/drive.mjs";
import { engine, onceIsEnough } from "./lib/environment.mjs";

test(`events, first loads and restored mutations beside plain invalidateQueries, in ${engine()}`, onceIsEnough(), async (t) => {
  const { everfresh, plain } = await figures();
  t.diagnostic(`everfresh ${JSON.stringify(everfresh)}`);
  t.diagnostic(`plain     ${JSON.stringify(plain)}`);
  assert.ok(everfresh.stream.right, "the last event of a stream is shown");
  // One fetch runs and one is owed, so there is one for each time that a fetch takes, and one for the last event.
  assert.ok(everfresh.stream.requests <= Math.ceil(everfresh.stream.tookMs / 80) + 2, `${everfresh.stream.requests} requests`);
  assert.ok(everfresh.firstLoad.right, "an event during a first load is not lost");
  assert.ok(everfresh.prefetch.right, "an event during a prefetch is not lost");
  assert.deepEqual(everfresh.restored, { executions: 3, tasks: 3, inOrder: true });
});
