// A server of Socket.IO in Node, as an app has one: records over HTTP, and an event for each change. What a test
// wants of it comes as JSON in the first argument.

import { randomBytes } from "node:crypto";

import { Server } from "socket.io";

import { app } from "../../../examples/stand-ins/app.mjs";

const wanted = JSON.parse(process.argv[2]);
const { port, www, data, tokens, recovery, feed, pingMs = 25_000, timeoutMs = 20_000, transports = ["polling", "websocket"] } = wanted;

let connects = 0;
let mute = false;

const http = app({
  www,
  data,
  told: feed === undefined ? ({ title }) => io.emit("task_created", { title }) : toldTwice,
  doors: {
    "/demo/mute": (wanted) => void (mute = wanted.mute),
    "/demo/emit": emit,
    "/demo/end": ({ namespace }) => void io.of(namespace).disconnectSockets(),
  },
  stats: () => ({ sockets_open: io.engine.clientsCount, connects }),
});

const io = new Server(http, {
  pingInterval: pingMs,
  pingTimeout: timeoutMs,
  transports,
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

/** The database of this app has a feed of its own, which tells of each row too. */
function toldTwice({ id, title }) {
  if (!mute) io.emit("task_created", { id, title });
  const change = { type: "INSERT", table: "tasks", record: { id, title, project_id: "p1" } };
  const body = JSON.stringify(change);
  // A feed that is down hears of nothing, and the app goes on.
  fetch(`${feed}/demo/change`, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => {});
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
