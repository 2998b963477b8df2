// A server of Socket.IO beside an app: what the app's own server tells (here one of fresh.v1, the channels `tasks` and
// `calendar`), it tells to every page, as events with one argument.
// `PORT=4700 SOURCE=http://127.0.0.1:4321 node server.mjs`

import { createServer } from "node:http";

import { Server } from "socket.io";

import { doors } from "./doors.mjs";
import { follow } from "./follow.mjs";

const { PORT = "4700", SOURCE = "http://127.0.0.1:4321" } = process.env;

const http = createServer();
const io = new Server(http, {
  // A page of another origin may connect. Where tokens are cookies that would be a hole.
  cors: { origin: "*" },
  pingInterval: 5000,
  pingTimeout: 5000,
  // Who was away for less than two minutes is told what was missed.
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
});
const lab = doors(http, () => io.disconnectSockets(true));

follow(SOURCE, ["tasks", "calendar"], ({ name, data }) => {
  if (!lab.mute) io.emit(name, data);
});

http.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
