// The reference server and the examples, each run through what it says that it does.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { everfresh, express, fastapi, listed, start } from "./support/servers.mjs";
import { failures, names, suite } from "./support/suite.mjs";

/** What a server has to come through, and what cannot be looked at there: a case that is skipped in silence checks nothing. */
const SERVERS = [
  { name: "everfresh-server", kind: everfresh, levels: ["core", "http", "presence", "leases", "writes", "mutations"], slow: [] },
  ...[["FastAPI", fastapi], ["Express", express]].map(([name, kind]) => ({
    name,
    kind,
    levels: ["core"],
    slow: ["timing: a connection is lost", "timing: who had a lease is lost"],
  })),
];

const HERE = SERVERS.filter(({ kind }) => kind !== fastapi || process.env.EVERFRESH_PYTHON !== "none");

for (const { name, kind, levels } of HERE) {
  test(`${name} does what the protocol says`, async (t) => {
    const server = await start(kind);
    t.after(server.stop);
    const result = await suite(server.live, ...server.flags, ...levels.flatMap((level) => ["--level", level]));
    assert.deepEqual(failures(result), []);
    assert.equal(result.code, 0);
    assert.deepEqual(names(result, "skipped"), []);
    for (const level of levels) assert.ok(result.cases.some((one) => one.level === level), level);
  });
}

test("everfresh-server knows people", async (t) => {
  const server = await start(listed);
  t.after(server.stop);
  const result = await suite(server.live, ...server.flags, "--level", "people");
  assert.deepEqual(failures(result), []);
  assert.deepEqual(names(result, "skipped"), []);
});

// All they do is wait, so they wait at the same time.
describe("on time", { concurrency: true }, () => {
  for (const { name, kind, slow } of HERE) {
    test(`${name} keeps its times`, async (t) => {
      const server = await start(kind, { quick: true });
      t.after(server.stop);
      const result = await suite(server.live, ...server.flags, "--level", "timing");
      assert.deepEqual(failures(result), []);
      assert.deepEqual(names(result, "skipped"), slow);
    });
  }
});
