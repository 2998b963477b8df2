// Fault 42: a page that nobody sees for ten minutes, in real time. Its contract says that it is looked after
// every 30 s all the same. Beside it the same page without a worker, which shows what the browser does to timers.
//
// The page loads the package as it is built, without a bundler. `EVERFRESH_MINUTES` makes it shorter or longer.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { after, before, describe, test } from "node:test";

import { Browser, eventually } from "../lib/browser.mjs";
import { engine } from "../lib/environment.mjs";
import { Front } from "../lib/front.mjs";
import { Server } from "../lib/server.mjs";

const MINUTES = Number(process.env.EVERFRESH_MINUTES ?? 10);
const POLL_MS = 30_000;
/** How late a look may come: the machine is busy, and an answer takes its time. Far from a minute. */
const GRACE_MS = 5_000;
const DIST = join(import.meta.dirname, "../../../pkg/dist");
const TAG = '"same"';
const TYPES = { js: "text/javascript", wasm: "application/wasm" };

const page = (relay) => `<!doctype html>
<title>${relay}</title>
<p data-testid="connection-relay"></p>
<script type="module">
  import { createEverfresh } from "/dist/index.js";
  import { timeoutProvider } from "/dist/timers.js";
  const live = createEverfresh({
    name: "${relay}",
    user: null,
    backend: { kind: "everfresh", url: "/live" },
    workerUrl: "/${relay === "worker" ? "dist/relay.js" : "missing.js"}",
    contracts: { focus: { key: ["focus"], maxAge: 60000, poll: ${POLL_MS}, hidden: "continue", probe: "/probe/${relay}" } },
  });
  live.contracts.watch("focus");
  const show = () => {
    document.querySelector("p").dataset.relay = live.getSnapshot().relay;
    document.querySelector("p").dataset.state = live.getSnapshot().status;
  };
  live.subscribe(show);
  // What the browser does to timers of this page that set themselves again.
  window.ticks = [];
  setInterval(() => window.ticks.push(performance.now()), 10000);
  // And to those of TanStack Query, where it was given our timers.
  window.polls = [];
  timeoutProvider.setInterval(() => window.polls.push(performance.timeOrigin + performance.now()), ${POLL_MS});
</script>`;

describe(`a page that is hidden for ${MINUTES} minutes in ${engine()}`, () => {
  let server;
  let front;
  let browser;
  /** When each page looked. */
  const looks = { worker: [], page: [] };

  before(async () => {
    server = await Server.start();
    front = await Front.start(server.url, { answer });
    browser = await Browser.start({ throttles: true });
  });

  after(async () => {
    await browser?.stop();
    await front?.stop();
    await server?.stop();
  });

  function answer(url, response) {
    const [, place, ...rest] = url.split("/");
    if (place === "hidden") response.writeHead(200, { "content-type": "text/html" }).end(page(rest[0]));
    else if (place === "probe") {
      looks[rest[0]].push(performance.now());
      const known = response.req.headers["if-none-match"] === TAG;
      response.writeHead(known ? 304 : 200, { etag: TAG }).end();
    } else if (place === "missing.js") response.writeHead(404).end();
    else if (place === "dist") void file(rest.join("/"), response);
    else return false;
    return true;
  }

  async function file(path, response) {
    const type = TYPES[path.split(".").at(-1)];
    const bytes = await readFile(join(DIST, normalize(`/${path}`))).catch(() => undefined);
    if (bytes === undefined || type === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": type }).end(bytes);
  }

  test("fault 42: it is looked after as often as its contract says", async (t) => {
    const tabs = {};
    const polls = {};
    for (const relay of ["worker", "page"]) {
      tabs[relay] = await browser.open(`${front.url}/hidden/${relay}`);
      await eventually("it is connected", () => tabs[relay].data("connection-relay", "state"), (state) => state === "connected");
      await eventually("it is known", () => tabs[relay].data("connection-relay", "relay"), (held) => held === relay);
    }
    await browser.minimize();
    for (const tab of Object.values(tabs)) assert.equal(await tab.run("return document.visibilityState"), "hidden");
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, MINUTES * 60_000));
    const ended = performance.now();
    const gaps = (of) => {
      const moments = [began, ...of.filter((moment) => moment > began), ended];
      return moments.slice(1).map((moment, at) => Math.round(moment - moments[at]));
    };
    for (const [relay, of] of Object.entries(looks)) {
      t.diagnostic(`${relay}: ${of.length} looks, the longest time between two ${Math.max(...gaps(of))} ms: ${gaps(of).join(" ")}`);
    }
    for (const [relay, tab] of Object.entries(tabs)) {
      polls[relay] = (await tab.run("return window.polls")).map((moment) => moment - performance.timeOrigin);
      t.diagnostic(`${relay}: intervals of 30 s for TanStack Query: ${gaps(polls[relay]).join(" ")}`);
    }
    const ticks = await tabs.page.run("return window.ticks");
    t.diagnostic(`an interval of 10 s of the page itself: ${ticks.slice(1).map((tick, at) => Math.round(tick - ticks[at])).join(" ")}`);
    assert.ok(Math.max(...gaps(looks.worker)) <= POLL_MS + GRACE_MS, "the contract is kept");
    assert.ok(Math.max(...gaps(polls.worker)) <= POLL_MS + GRACE_MS, "intervals of TanStack Query go on");
  });
});
