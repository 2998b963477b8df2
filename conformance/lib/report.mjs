// The result for people.

const SHOWN = 300;
const SIGNS = { passed: "ok  ", failed: "FAIL", skipped: "skip" };

export function table(results) {
  const lines = [];
  let level;
  for (const result of results) {
    if (result.level !== level) lines.push("", (level = result.level));
    lines.push(`  ${SIGNS[result.outcome]}  ${result.name}${result.why ? `: ${result.why.replaceAll("\n", "\n        ")}` : ""}`);
    if (result.outcome === "failed") lines.push(...story(result));
  }
  const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
  lines.push("", `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  return lines.join("\n").trimStart();
}

function story({ says, story: lines }) {
  const shown = lines.map(({ page, sign, text }) => {
    const short = text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
    return `        ${page} ${sign} ${short.replaceAll("\n", "\n               ")}`;
  });
  return [`        the protocol says: ${says}`, ...shown];
}
