// The fault proxy does what it says, over real sockets.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { FaultProxy } from "./lib/proxy.mjs";

let server;
let proxy;

before(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(request.url.startsWith("/long") ? "x".repeat(100_000) : "here"));
  });
  server.on("upgrade", (_request, socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(async () => {
  proxy = await FaultProxy.start(`http://127.0.0.1:${server.address().port}`);
});

afterEach(() => proxy.stop());

const ask = async (path, init) => (await fetch(`${proxy.url}${path}`, init)).text();

/** Dials, says something, and returns what came until the end, and whether it was torn. */
async function dial(text) {
  const { port } = new URL(proxy.url);
  const socket = connect(Number(port), "127.0.0.1");
  let heard = "";
  let torn = false;
  socket.on("data", (chunk) => (heard += chunk));
  socket.on("error", () => (torn = true));
  // Not by `once`, which an error would end.
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write(text);
  return { socket, heard: () => heard, over: closed.then(() => ({ heard, torn })) };
}

const UPGRADE = "GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

test("without faults everything passes, also in slices", async () => {
  assert.equal(await ask("/"), "here");
  proxy.break({ sliceBytes: 7_000, latencyMs: 2, jitterMs: 3 });
  assert.equal((await ask("/long")).length, 100_000);
  assert.equal(await ask("/", { method: "POST", body: "a".repeat(50_000) }), "here");
});

test("a proxy that refuses tears new connections", async () => {
  proxy.break({ refuse: true });
  await assert.rejects(ask("/"));
  proxy.heal();
  assert.equal(await ask("/"), "here");
});

test("cut tears what is open", async () => {
  const link = await dial(UPGRADE);
  await once(link.socket, "data");
  proxy.cut();
  assert.equal((await link.over).torn, true);
});

test("connections end after their time, and after their bytes", async () => {
  proxy.break({ cutAfterMs: 50 });
  assert.equal((await (await dial(UPGRADE)).over).torn, true);
  proxy.break({ cutAfterBytes: 20_000 });
  await assert.rejects(ask("/long"));
  assert.equal(await ask("/"), "here");
});

test("a deaf network swallows everything and closes nothing", async () => {
  const link = await dial(UPGRADE);
  await once(link.socket, "data");
  const before = link.heard();
  proxy.break({ deaf: true });
  link.socket.write("hello?");
  const other = await dial(UPGRADE);
  // Another connection, after it, has had all the time there is.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(link.heard(), before);
  assert.equal(other.heard(), "");
  assert.equal(link.socket.closed || other.socket.closed, false);
});

test("sockets alone can hang or be torn", async () => {
  proxy.break({ sockets: "reset" });
  assert.equal((await (await dial(UPGRADE)).over).heard, "");
  assert.equal(await ask("/"), "here");
  proxy.break({ sockets: "hang" });
  const link = await dial(UPGRADE);
  assert.equal(await ask("/"), "here");
  assert.equal(link.heard(), "");
});

test("streams alone can be torn, on a connection that is used again too", async () => {
  proxy.break({ streams: "reset" });
  assert.equal(await ask("/"), "here");
  await assert.rejects(ask("/live/sse", { method: "POST", body: "{}" }));
  assert.equal(await ask("/live/poll", { method: "POST", body: "{}" }), "here");
});

test("a slow network takes its time and loses nothing", async () => {
  proxy.break({ bytesPerSecond: 1_000_000 });
  assert.equal((await ask("/long")).length, 100_000);
});
