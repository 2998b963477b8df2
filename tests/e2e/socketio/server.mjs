// A server of Socket.IO in Node, as an app has one: records over HTTP, and an event for each change. What a test
// wants of it comes as JSON in the first argument.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { json } from "node:stream/consumers";

import { Server } from "socket.io";

const { port, www, data, tokens, recovery, pingMs = 25_000, timeoutMs = 20_000 } = JSON.parse(process.argv[2]);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

const tasks = existsSync(data) ? JSON.parse(readFileSync(data, "utf8")) : [];
let connects = 0;

const http = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://here");
  const answer = (value) => {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(value));
  };
  if (request.method === "POST") {
    const asked = await json(request);
    if (pathname === "/api/tasks") return answer(add(asked));
    if (pathname === "/demo/emit") return answer(await emit(asked));
    if (pathname === "/demo/end") {
      io.of(asked.namespace).disconnectSockets();
      return answer({});
    }
  }
  if (pathname === "/api/tasks") return answer(tasks);
  if (pathname === "/api/counts") return answer({ tasks: tasks.length });
  if (pathname === "/demo/stats") return answer({ sockets_open: io.engine.clientsCount, connects });
  const file = join(www, normalize(pathname === "/" ? "/index.html" : pathname));
  const body = await readFile(file).catch(() => undefined);
  if (body === undefined) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" }).end(body);
});

const io = new Server(http, {
  pingInterval: pingMs,
  pingTimeout: timeoutMs,
  connectionStateRecovery: recovery ? { maxDisconnectionDuration: 120_000, skipMiddlewares: true } : undefined,
});

for (const namespace of ["/", "/admin"]) {
  io.of(namespace).use(({ handshake: { auth } }, next) => {
    if (tokens === undefined || tokens.includes(auth.token)) return next();
    next(Object.assign(new Error("no"), { data: { code: "unauthorized" } }));
  });
  io.of(namespace).on("connection", (socket) => {
    connects += 1;
    socket.emit("authenticated", { auth: socket.handshake.auth, recovered: socket.recovered });
  });
}

function add({ title, silent }) {
  tasks.push({ id: tasks.length, title });
  writeFileSync(data, JSON.stringify(tasks));
  if (!silent) io.emit("task_created", { title });
  return {};
}

async function emit({ namespace = "/", name, data, bytes, ack }) {
  const args = bytes ? [{ ...data, bytes: randomBytes(bytes) }] : [data];
  if (!ack) {
    io.of(namespace).emit(name, ...args);
    return {};
  }
  return { acked: (await io.of(namespace).timeout(10_000).emitWithAck(name, ...args)).length };
}

http.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
