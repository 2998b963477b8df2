// Runs one sample of a document, with its check behind it, as a page in a world of its own: `run-sample.js FILE page`.
// As `alone` it is run in plain Node: a server that renders, or a test that makes its own world.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const [file, kind] = process.argv.slice(2);
const tests = [];
const said = [];
const print = console.error;
for (const name of ["log", "info", "debug", "warn", "error"]) console[name] = (...args) => said.push(format(...args));

const backend = {
  data: { "/api/tasks": [{ id: "7", title: "Milk", boardId: "1" }], "/api/token": "token-1", "/api/me": { id: "u1" } },
  requests: [],
  headers: new Headers(),
  answer: undefined,
};

/** A small REST server: lists by their paths, and what lies in them by its id. */
async function respond(request) {
  const { pathname } = new URL(request.url);
  backend.requests.push(`${request.method} ${pathname}`);
  backend.headers = request.headers;
  const text = await request.text();
  const body = text === "" ? undefined : JSON.parse(text);
  const answer = backend.answer?.(request.method, pathname, body);
  if (answer) return answer;
  const { data } = backend;
  if (request.method === "GET") return pathname in data ? Response.json(data[pathname]) : new Response(null, { status: 404 });
  const [, list, id] = /^(\/api\/[^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
  const old = id === undefined ? undefined : data[list]?.find((one) => one.id === id);
  if (id !== undefined && old === undefined) return new Response(null, { status: 404 });
  if (request.method === "DELETE") data[list] = data[list].filter((one) => one.id !== id);
  const now = { id: `${(data[list] ?? []).length + 8}`, ...old, ...body };
  if (request.method === "PATCH") data[list] = data[list].map((one) => (one.id === id ? now : one));
  if (request.method === "POST") data[list] = [...(data[list] ?? []), now];
  return Response.json(now);
}

Object.assign(globalThis, {
  ...{ assert, backend, said },
  session: { userId: "u1" },
  api: { token: async ({ signal }) => (await fetch("/api/token", { signal })).json() },
  test: (name, run) => tests.push([name, run]),
  runTests: async () => {
    assert.ok(tests.length > 0, "there are tests");
    for (const [, run] of tests) await run();
  },
  look: (client, ...queryKey) => {
    const queryFn = async ({ signal }) => (await fetch(`/api/${queryKey.join("/")}`, { signal })).json();
    const observer = new QueryObserver(client, { queryKey, queryFn, retry: false });
    observer.subscribe(() => {});
    return {
      get data() {
        return observer.getCurrentResult().data;
      },
    };
  },
  show: async (tree) => {
    const { Window } = await import("happy-dom");
    const dom = new Window({ url: "https://app.test/" });
    globalThis.HTMLIFrameElement = dom.HTMLIFrameElement;
    const { createRoot } = createRequire(import.meta.url)("react-dom/client");
    const container = dom.document.createElement("div");
    const shown = createRoot(container, { onUncaughtError: (error) => print(error) });
    shown.render(tree);
    await world.clock.advance(100);
    return { text: () => container.textContent, find: (selector) => container.querySelector(selector), hide: () => shown.unmount() };
  },
});

let QueryObserver;
try {
  if (kind === "page") {
    const { createWorld } = await import("../../dist/testing.js");
    globalThis.world = await createWorld({ fetch: respond });
    // Now that there is a page: what is loaded without one takes itself for a server.
    ({ QueryObserver } = await import("@tanstack/query-core"));
  }
  await import(pathToFileURL(file).href);
} catch (error) {
  for (const line of said) print(`said: ${line}`);
  print(error);
  process.exit(1);
}
// What a page leaves open is the end of it.
process.exit(0);
