// The second part of docs/defaults.md is made from where the numbers are: the engine's `limits.rs`, and the files of the
// package that have numbers of their own. `EVERFRESH_WRITE=1 node --test pkg/test/defaults.test.js` writes it anew.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const read = (name) => readFileSync(join(root, name), "utf8");
const DOCUMENT = "docs/defaults.md";
const BEGIN = "## Every number\n";

/** Where numbers are, and what a part is called that has no heading in its source. */
const SOURCES = [
  ["src/engine/limits.rs", "In general"],
  ["src/engine/limits/room.rs", "Freshness"],
  ["pkg/src/fallback.ts", "Without WebAssembly"],
  ["pkg/src/tanstack/share.ts", "Sharing results between tabs"],
  ["pkg/src/tanstack/attachment.ts", "TanStack Query"],
  ["pkg/src/worker.ts", "The relay worker"],
  ["pkg/src/relay.ts", "In the relay worker"],
];
/** Those whose reason stands where it is an option, or that share one with the line before. */
const SAID_ELSEWHERE = {
  RETRY_MAX_MS: "And the longest wait of that kind.",
  MAX_BYTES: "The largest result that is shared, unless `share.maxBytes` says otherwise: a slow phone writes or reads that within some 20 ms.",
  WAIT_MS: "How long a tab waits for another one's answer, unless `share.waitMs` says otherwise.",
};
const CONSTANT = { rs: /^pub const ([A-Z_]+): ([^=]+) = ([^;]+);$/, ts: /^const ([A-Z_]+) = ([^;]+);$/ };

/** All constants that have a reason, by the part that they stand in. */
function constants() {
  const values = new Map();
  const parts = [];
  for (const [file, first] of SOURCES) {
    const rust = file.endsWith(".rs");
    const part = (title) => parts.push({ title, rows: [] });
    part(first);
    let reason = "";
    for (const line of read(file).replaceAll("\r", "").split("\n")) {
      const heading = rust && /^\/\/ ([A-Z][^.]*)\.$/.exec(line);
      const words = rust ? /^\/\/\/ ?(.*)$/.exec(line) : /^\/?\*\*? ?(.*?)(?: ?\*\/)?$/.exec(line.trim());
      const constant = CONSTANT[rust ? "rs" : "ts"].exec(line);
      if (heading) part(heading[1]);
      else if (constant && (rust || /_MS$|MAX|TURNS|KEY$/.test(constant[1]))) {
        const [name, type, text] = rust ? constant.slice(1) : [constant[1], /_MS$/.test(constant[1]) ? "Millis" : "number", constant[2]];
        values.set(name, evaluate(text, values));
        const row = { name, value: shown(name, type, values.get(name)), reason: reason.trim() || SAID_ELSEWHERE[name] };
        assert.ok(row.reason, `${file}: ${name} has no reason`);
        parts.at(-1).rows.push(row);
      }
      reason = words ? `${reason} ${words[1]}` : "";
    }
  }
  return parts.filter(({ rows }) => rows.length > 0);
}

/** What a constant's expression comes to; spans in milliseconds. */
function evaluate(text, values) {
  const plain = text
    .replaceAll("Millis::seconds(", "1000 * (")
    .replaceAll("Millis::minutes(", "60_000 * (")
    .replaceAll("Millis(", "(")
    .replaceAll(/^\((.*),(.*)\)$/g, "[$1,$2]")
    .replaceAll(/[A-Z][A-Z_]+/g, (name) => {
      assert.ok(values.has(name), `${name} comes later than it is used`);
      return values.get(name);
    });
  assert.match(plain, /^[\d_\s+*/()<[\],-]+$/, text);
  return new Function(`return ${plain}`)();
}

function shown(name, type, value) {
  if (Array.isArray(value)) return value.map((one) => shown(name, "Millis", one)).join(", then ");
  if (type.includes("Millis")) return span(value);
  const digits = (number) => number.toLocaleString("en-US");
  if (!/BYTES|CHARS|BUFFER|BATCH|KEY$/.test(name)) return digits(value);
  const unit = name.includes("CHARS") ? "characters" : "bytes";
  if (value % 2 ** 20 === 0) return unit === "bytes" ? `${value / 2 ** 20} MiB` : `${value / 2 ** 20} Mi characters`;
  if (value % 2 ** 10 === 0) return unit === "bytes" ? `${value / 2 ** 10} KiB` : `${value / 2 ** 10} Ki characters`;
  return `${digits(Math.floor(value))} ${unit}`;
}

function span(ms) {
  const [day, hour, minute] = [86_400_000, 3_600_000, 60_000];
  for (const [length, unit] of [[day, "d"], [hour, "h"], [minute, "min"], [1000, "s"]]) {
    // A minute is 60 s, and a day 24 h, where they are the only one.
    if (ms % length === 0 && ms > length) return `${ms / length} ${unit}`;
  }
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms.toLocaleString("en-US")} ms`;
}

function written(parts) {
  const intro = `${BEGIN}
Each constant of the engine and of the package, under its name in the source (\`src/engine/limits.rs\` and the files of
\`pkg/src\`), with the reason that stands there. Where an option changes it, the first part says so.
`;
  const escaped = (text) => text.replaceAll("|", "\\|").replaceAll(/\[(`[^`]*`)\]/g, "$1");
  const table = ({ title, rows }) => [
    ...["", `### ${title}`, "", "| number | value | what, and why |", "|---|---|---|"],
    ...rows.map(({ name, value, reason }) => `| \`${name}\` | ${value} | ${escaped(reason)} |`),
  ];
  return `${intro}${parts.flatMap(table).join("\n")}\n`;
}

test("every number in the documents is the one in the source, and none is missing", () => {
  const parts = constants();
  const names = parts.flatMap(({ rows }) => rows.map(({ name }) => name));
  const all = ["src/engine/limits.rs", "src/engine/limits/room.rs"].flatMap((file) => read(file).match(/(?<=^pub const )[A-Z_]+/gm));
  assert.ok(all.length > 200);
  assert.deepEqual(all.filter((name) => !names.includes(name)), [], "each has a reason, and is read here");
  const [before, after] = read(DOCUMENT).split(BEGIN);
  if (process.env.EVERFRESH_WRITE === "1") return writeFileSync(join(root, DOCUMENT), before + written(parts));
  assert.equal(`${BEGIN}${after}`, written(parts), "EVERFRESH_WRITE=1 node --test pkg/test/defaults.test.js writes it anew");
});
