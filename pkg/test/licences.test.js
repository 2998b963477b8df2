// npm packs only what lies in the package's own folder, so the licences are here a second time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) {
  test(`${name} is the repository's`, () => {
    const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
    assert.equal(read(`../${name}`), read(`../../${name}`));
  });
}
