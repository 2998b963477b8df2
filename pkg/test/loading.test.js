// Where the WebAssembly module comes from, and what is said when it does not come. Each case is a page of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** Runs a module on a page of its own, and gives what it printed. */
function page(code) {
  const result = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `import { readFileSync } from "node:fs";
       import { clock } from "./support/page.js";
       const { createEverfresh, init, EverfreshError } = await import("../dist/index.js");
       const file = new URL("../dist/wasm/everfresh_bg.wasm", import.meta.resolve("./loading.test.js"));
       const bytes = readFileSync(file);
       const options = { user: null, backend: { kind: "everfresh", url: "/live" } };
       const faults = [];
       async function start(more) {
         const live = createEverfresh({ ...options, ...more });
         live.onFault(({ code }) => faults.push(code));
         await live.ready.catch((error) => faults.push("not ready: " + error.code));
         const { status, alone } = live.getSnapshot();
         console.log(JSON.stringify([status, alone ?? null, faults]));
         return live;
       }
       ${code}
       process.exit(0);`,
    ],
    { cwd: import.meta.dirname, encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim().split("\n").map((line) => JSON.parse(line));
}

const runs = [["connecting", "no-locks", ["alone"]]];

test("bytes, a module, a promise of either, and a function that gives bytes", () => {
  for (const wasm of [
    "{ bytes }",
    "{ bytes: Promise.resolve(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) }",
    "{ bytes: async () => bytes }",
    "{ module: WebAssembly.compile(bytes) }",
    "{ module: new WebAssembly.Module(bytes) }",
  ]) {
    assert.deepEqual(page(`await start({ wasm: ${wasm} });`), runs, wasm);
  }
});

test("init loads it once for the page, before any instance is there", () => {
  const lines = page(`
    await init({ bytes });
    await init();
    globalThis.fetch = () => { throw new Error("nothing is fetched"); };
    await start({});
    await start({ name: "other", wasm: { bytes: new Uint8Array(3) } });
  `);
  assert.deepEqual(lines[0], runs[0]);
  assert.equal(lines[1][0], "connecting");
});

test("an address is fetched, as a stream or without", () => {
  for (const type of ["application/wasm", "application/octet-stream"]) {
    assert.deepEqual(
      page(`
        const asked = [];
        globalThis.fetch = async (url) => (asked.push(String(url)), new Response(bytes, { headers: { "content-type": "${type}" } }));
        for (const wasm of ["/a.wasm"]) await start({ wasm });
        console.log(JSON.stringify(asked));
      `),
      [...runs, ["/a.wasm"]],
    );
  }
});

test("the smallest module that has what the options need is fetched, and begins", () => {
  const backend = (kind, more = "") => `backend: { kind: '${kind}', url: 'https://api.test'${more} }`;
  const layers = `layers: { more: { ${backend("socketio")} } }`;
  const mutations = "mutations: { rename: { run: async () => ({}) } }";
  const kinds = [
    [backend("socketio"), "everfresh_socketio"],
    [backend("phoenix"), "everfresh_phoenix"],
    [backend("supabase", ", apikey: 'anon'"), "everfresh_phoenix"],
    [backend("centrifugo"), "everfresh_centrifugo"],
    [backend("json"), "everfresh_plain"],
    [backend("sse"), "everfresh_plain"],
    [backend("graphql", ", subscriptions: { 'news': { query: 'subscription { news }', event: 'news' } }"), "everfresh_plain"],
    [layers, "everfresh_wires"],
    [`${backend("centrifugo")}, ${layers}`, "everfresh_wires"],
  ];
  const cases = [
    ["", "everfresh_core"],
    ["backend: { kind: 'http', url: '/live' }", "everfresh_core"],
    [mutations, "everfresh_queue"],
    ["queue: { maxCount: 10 }", "everfresh_queue"],
    ...kinds.flatMap(([options, module]) => [
      [options, module],
      [`${options}, ${mutations}`, `${module}_queue`],
    ]),
    ["rooms: true", "everfresh_rooms"],
    [`rooms: true, ${mutations}`, "everfresh_rooms"],
    [`${backend("socketio")}, rooms: true`, "everfresh"],
    [`${layers}, rooms: true`, "everfresh"],
    ["rooms: true, record: true", "everfresh"],
    ["record: true", "everfresh"],
    [`${backend("socketio")}, ${mutations}, record: true`, "everfresh"],
  ];
  for (const [options, module] of cases) {
    const lines = page(`
      const asked = [];
      globalThis.fetch = async (url) => {
        if (!String(url).endsWith(".wasm")) return new Response("", { status: 503 });
        asked.push(String(url).split("/").at(-1));
        return new Response(readFileSync(new URL(url)), { headers: { "content-type": "application/wasm" } });
      };
      await start({ ${options} });
      console.log(JSON.stringify([asked, faults.filter((fault) => fault !== "alone")]));
    `);
    assert.deepEqual(lines[1], [[`${module}_bg.wasm`], []], options);
  }
});

test("everfresh/inline needs no file at all", () => {
  const lines = page(`
    globalThis.fetch = () => { throw new Error("nothing is fetched"); };
    const inline = await import("../dist/inline.js");
    const live = inline.createEverfresh(options);
    await live.ready;
    console.log(JSON.stringify([live.getSnapshot().status, inline.EverfreshError === EverfreshError]));
    try { inline.createEverfresh(); } catch (error) { console.log(JSON.stringify(error.code)); }
  `);
  assert.deepEqual(lines, [["connecting", true], "option-invalid"]);
});

test("what is no module is said to be none, and the app polls", () => {
  for (const [wasm, code] of [
    ["{ bytes: new TextEncoder().encode('<!doctype html>') }", "wasm-invalid"],
    ["{ bytes: bytes.subarray(0, 1000) }", "wasm-invalid"],
    ["{ bytes: new Uint8Array(2) }", "wasm-invalid"],
    ["{ module: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) }", "wasm-unsupported"],
  ]) {
    assert.deepEqual(page(`await start({ wasm: ${wasm} });`), [["degraded", "fallback", [code]]], wasm);
  }
});

test("a server that answers something else than the file is named", () => {
  const answers = [
    ["new Response('', { status: 404 })", "wasm-unreachable"],
    ["new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })", "wasm-invalid"],
    ["new Response(bytes.subarray(0, 999), { headers: { 'content-type': 'application/wasm' } })", "wasm-invalid"],
    ["Promise.reject(new TypeError('no network'))", "wasm-unreachable"],
    ["new Response(new ReadableStream({ pull(c) { c.error(new Error('cut')); } }))", "wasm-unreachable"],
  ];
  for (const [answer, code] of answers) {
    assert.deepEqual(page(`globalThis.fetch = async () => ${answer}; await start({ wasm: "/a.wasm" });`), [["degraded", "fallback", [code]]], answer);
  }
});

test("a file that could not be reached is tried again by reconnect", () => {
  const lines = page(`
    let up = false;
    globalThis.fetch = async () => { if (!up) throw new TypeError("no network"); return new Response(bytes, { headers: { "content-type": "application/wasm" } }); };
    for (const fallback of ["poll", "none"]) {
      const live = await start({ name: fallback, fallback, wasm: "/a.wasm" });
      live.reconnect();
      await live.ready.catch(() => {});
      console.log(JSON.stringify(live.getSnapshot().status));
      if (fallback === "none") {
        up = true;
        live.reconnect();
        await live.ready;
        console.log(JSON.stringify(live.getSnapshot().status));
      }
    }
  `);
  assert.deepEqual(lines.map((line) => (Array.isArray(line) ? line[0] : line)), ["degraded", "degraded", "failed", "failed", "connecting"]);
});

test("a browser without WebAssembly is told from a page that may not use it", () => {
  assert.deepEqual(page("globalThis.WebAssembly = undefined; await start({});"), [["degraded", "fallback", ["wasm-unsupported"]]]);
  const blocked = "WebAssembly.Module = class { constructor() { throw new Error('blocked'); } };";
  assert.deepEqual(page(`${blocked} await start({});`), [["degraded", "fallback", ["wasm-blocked"]]]);
});
