// Every sample of code in the documents compiles, against the package as users get it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

/** What samples take for granted: an app has these somewhere. */
const APP = `
interface Task { id: string; title: string; boardId: string }
declare const session: { userId: string };
declare function test(name: string, run: () => Promise<void>): void;
declare const assert: { equal(one: unknown, other: unknown): void; deepEqual(one: unknown, other: unknown): void };
declare const api: { token(options: { signal: AbortSignal }): Promise<string> };
`;

/** All documents for users. */
function documents() {
  const docs = readdirSync(join(root, "docs"), { recursive: true }).filter((name) => name.endsWith(".md"));
  return ["README.md", "pkg/README.md", ...docs.map((name) => join("docs", name))];
}

/** The samples of a document, with the line where each begins. */
function samples(text) {
  const found = [];
  for (const match of text.matchAll(/^```(ts|tsx)\n([\s\S]*?)^```/gm)) {
    found.push({ kind: match[1], line: text.slice(0, match.index).split("\n").length + 1, code: match[2] });
  }
  return found;
}

test("the samples in the documents compile", () => {
  // In the package's own folder, so that they import it by its name.
  const folder = mkdtempSync(join(import.meta.dirname, ".samples-"));
  try {
    const places = new Map();
    for (const name of documents()) {
      for (const { kind, line, code } of samples(readFileSync(join(root, name), "utf8"))) {
        const file = `${name.replaceAll(/\W/g, "_")}_${line}.${kind}`;
        writeFileSync(join(folder, file), `${code}\nexport {};\n`);
        places.set(file, `${name}:${line}`);
      }
    }
    assert.ok(places.size >= 4, "there are samples");
    writeFileSync(join(folder, "app.d.ts"), APP);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../types/tsconfig.json",
        compilerOptions: { jsx: "react-jsx", noUnusedLocals: false },
        files: ["app.d.ts", ...places.keys()],
      }),
    );
    const tsc = join(root, "node_modules/.bin/tsc");
    const { status, stdout } = spawnSync(tsc, ["-p", folder], { encoding: "utf8" });
    const told = [...places].reduce((text, [file, place]) => text.replaceAll(join(relative(process.cwd(), folder), file), place), stdout);
    assert.equal(status, 0, told);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
