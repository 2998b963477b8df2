// The hooks as a server renders them, and what a page downloads of them. They are put to use in hooks.test.js.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { build } from "vite";
import { renderToString } from "react-dom/server";
import { createEverfresh } from "../dist/index.js";
import { EverfreshProvider, useChannel, useConnection, useEvent, useEverfresh, useMetrics, useTabState } from "../dist/react.js";

const live = createEverfresh({ user: null, backend: { kind: "everfresh", url: "/live" } });

test("every hook renders on a server, with the constant state", () => {
  let seen;
  function Page() {
    useEvent("task_updated", () => assert.fail("no events on a server"));
    seen = { connection: useConnection(), tab: useTabState(), channel: useChannel("tasks"), metrics: useMetrics(), live: useEverfresh() };
    return createElement("p", null, seen.connection.status);
  }
  assert.equal(renderToString(createElement(EverfreshProvider, { live }, createElement(Page))), "<p>idle</p>");
  assert.equal(seen.tab.tabs, 1);
  assert.equal(seen.channel, undefined);
  assert.equal(seen.metrics.events, 0);
  assert.equal(seen.live, live);
});

test("a missing provider says what to do", () => {
  function Page() {
    return createElement("p", null, useConnection().status);
  }
  assert.throws(() => renderToString(createElement(Page)), {
    code: "provider-missing",
    message: /Wrap the app in <EverfreshProvider live=\{live\}>/,
  });
});

/** What a page loads that uses these hooks. */
async function bundled(...names) {
  const entry = "\0page";
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "page",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? `export { ${names} } from ${JSON.stringify(new URL("../dist/react.js", import.meta.url).pathname)};` : undefined),
      },
    ],
    build: { write: false, minify: false, rolldownOptions: { input: entry, external: ["react"], preserveEntrySignatures: "strict" } },
  });
  return output.map(({ code }) => code).join("");
}

test("a page loads the room only with the hooks of the room", async () => {
  const [without, all] = [await bundled("useConnection", "useLiveMutation", "useEvent"), await bundled("useConnection", "useFieldLock")];
  assert.match(all, /everfresh-fence/);
  assert.doesNotMatch(without, /everfresh-fence|ChannelRoom|typing/);
});
