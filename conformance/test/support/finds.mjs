// What a spoiled server is found by.

import assert from "node:assert/strict";
import { test } from "node:test";

import { spoiled } from "./spoiler.mjs";
import { failures, suite } from "./suite.mjs";

/** Spoils messages of a type. */
export const of = (type, change) => (message, said) => (message.t === type ? change(message, said) : [message]);

/** Each row is what is wrong, how it comes about, and the names of the cases that have to find it; none, if all is well. */
export function finds(server, levels, rows) {
  for (const [name, how, found] of rows) {
    test(`the suite finds: ${name}`, async (t) => {
      const spoiler = await spoiled(server().live, how);
      t.after(spoiler.stop);
      // What is to be heard and never comes takes as long as it may; whatever is well must not fail for want of time.
      const patience = found.length > 0 ? "1500" : "15000";
      const flags = [...server().flags, ...(["writes", "mutations"].some((level) => levels.includes(level)) ? ["--tasks", `${spoiler.origin}/api/tasks`] : [])];
      const chosen = [...levels.flatMap((level) => ["--level", level]), ...found.flatMap((one) => ["--only", one])];
      const result = await suite(spoiler.live, ...flags, ...chosen, "--patience", patience);
      assert.equal(result.code, found.length > 0 ? 1 : 0, failures(result).join("\n"));
      const failed = result.cases.filter((one) => one.outcome === "failed");
      for (const one of found) assert.ok(failed.some((other) => other.name === one), `${one} failed`);
      for (const one of failed) assert.ok(one.says && one.why && one.story.length > 0, one.name);
    });
  }
}
