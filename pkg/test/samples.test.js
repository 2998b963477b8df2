// Every sample of code in the documents compiles against the package as users get it, and does what its document says:
// it is run in a world of `everfresh/testing`, and the check that stands behind it, in a comment that readers of the
// page do not see, looks at what came of it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const runner = join(import.meta.dirname, "support/run-sample.js");
/** The document whose files other documents import as `./live`. */
const COMMON = "docs/guide/start.md";

// In the package's own folder, so that samples import it by its name.
const folder = mkdtempSync(join(import.meta.dirname, ".samples-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** All documents for users. */
function documents() {
  const of = (folder, recursive) => readdirSync(join(root, folder), { recursive }).map((name) => join(folder, name));
  return [...of("", false), ...of("pkg", false), ...of("docs", true)].filter((name) => name.endsWith(".md")).sort();
}

/**
 * The samples of a document, with the line where each begins, its file's name if its first line is a comment that says
 * one (`// src/live.ts`), and its check: the comment `<!-- check … -->` behind it. `<!-- check alone` is one of a sample
 * that is no page: it is run in plain Node.
 */
function samples(document) {
  const text = readFileSync(join(root, document), "utf8");
  const found = [];
  for (const match of text.matchAll(/^```(tsx?)\n([\s\S]*?)^```\n(?:\s*<!-- check( alone)?\n([\s\S]*?)^-->)?/gm)) {
    const [, kind, code, alone, check] = match;
    const line = text.slice(0, match.index).split("\n").length + 1;
    const name = /^\/\/ (?:[\w-]+\/)*([\w-]+)\.tsx?\n/.exec(code)?.[1];
    const folder = document.replaceAll(/\W/g, "_");
    const file = join(folder, `line_${line}.${kind}`);
    found.push({ document, folder, file, place: `${document}:${line}`, kind, name, code, check, alone: alone !== undefined });
  }
  return found;
}

const all = documents().flatMap(samples);
const common = all.filter(({ document }) => document === COMMON);

/** Writes the samples of each document into a folder of their own, and beside them what they import by its name. */
function write() {
  const files = new Map();
  const put = (file, place, code) => {
    assert.ok(!files.has(file), `${place}: there is another sample of this name`);
    files.set(file, place);
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${code}\nexport {};\n`);
  };
  for (const { file, place, code, check } of all) put(file, place, `${code}\n${check}`);
  for (const own of new Set(all.map((sample) => sample.folder))) {
    const named = all.filter((sample) => sample.folder === own && sample.name);
    const shared = common.filter(({ name }) => name && !named.some((sample) => sample.name === name));
    for (const { name, kind, place, code } of [...named, ...shared]) put(join(own, `${name}.${kind}`), place, code);
  }
  return files;
}

function compile(files) {
  // Other clients that the documents speak of.
  cpSync(join(root, "pkg/test/support/stand-ins"), join(folder, "node_modules"), { recursive: true });
  writeFileSync(join(folder, "app.d.ts"), readFileSync(join(root, "pkg/test/support/samples.d.ts")));
  // What a document declares of the package is so for all of its samples, and for no other document's.
  const declaring = new Set(all.filter(({ code }) => code.includes("declare module")).map((sample) => sample.folder));
  const group = (file) => (declaring.has(dirname(file)) ? dirname(file) : "");
  for (const name of new Set([...files.keys()].map(group))) check([...files].filter(([file]) => group(file) === name));
  // What a bundler does by itself.
  for (const file of files.keys()) {
    const path = compiled(file);
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/(from|import\() ?"(\.\/[\w-]+)"/g, '$1 "$2.js"'));
  }
}

/** Compiles some of the files as one program. */
function check(files) {
  const compilerOptions = {
    ...{ noEmit: false, outDir: "out", rootDir: ".", jsx: "react-jsx", noUnusedLocals: false },
    ...{ module: "ESNext", moduleResolution: "Bundler", verbatimModuleSyntax: true, skipLibCheck: true },
  };
  const config = { extends: "../types/tsconfig.json", compilerOptions, files: ["app.d.ts", ...files.map(([file]) => file)] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { status, stdout, error } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
  if (error) throw error;
  const told = files.reduce((text, [file, place]) => text.replaceAll(join(relative(process.cwd(), folder), file), place), stdout);
  assert.equal(status, 0, told);
}

const compiled = (file) => join(folder, "out", file.replace(/\.tsx?$/, ".js"));

function run(file, alone) {
  const child = spawn(process.execPath, [runner, file, alone ? "alone" : "page"], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
}

test("the samples in the documents compile, and each of them has a check that says what it does", async (t) => {
  assert.ok(all.length >= 30, "there are samples");
  const unchecked = all.filter(({ check }) => !check?.trim()).map(({ place }) => place);
  assert.deepEqual(unchecked, [], 'a sample is followed by a comment "<!-- check" with what it does (see the others)');
  compile(write());
  // Two at a time, because a page has been slow to start on machines with one core.
  const waiting = [...all];
  const results = [];
  const lane = async () => {
    for (let sample = waiting.shift(); sample; sample = waiting.shift()) {
      results.push({ ...sample, ...(await run(compiled(sample.file), sample.alone)) });
    }
  };
  await Promise.all([lane(), lane()]);
  for (const { place, code, said } of results) {
    await t.test(`the sample at ${place} does what it says`, () => assert.equal(code, 0, said));
  }
});

test("every link from one document to another leads somewhere", () => {
  const broken = [];
  for (const document of documents()) {
    const text = readFileSync(join(root, document), "utf8");
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = link.split("#");
      const target = path === "" ? document : join(dirname(document), path);
      if (!existsSync(join(root, target))) broken.push(`${document}: ${link}`);
      else if (anchor && !headings(target).includes(anchor)) broken.push(`${document}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

/** What GitHub makes of headings. */
function headings(document) {
  const lines = readFileSync(join(root, document), "utf8").match(/^#+ .*/gm) ?? [];
  return lines.map((line) => line.replace(/^#+ /, "").toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"));
}
