// A server of Socket.IO at the other end of every socket of the page, as much of it as the samples use.
import { serve } from "../sockets.mjs";

const PING_MS = 25_000;

export const server = Object.assign(serve({ opens, takes, at: /EIO=/ }), { said: [], answer: '40{"sid":"its-name"}' });

function opens(socket) {
  socket.hear(`0{"sid":"S","upgrades":[],"pingInterval":${PING_MS},"pingTimeout":20000,"maxPayload":1000000}`);
  const pings = setInterval(() => (socket.readyState === 1 ? socket.hear("2") : clearInterval(pings)), PING_MS);
}

function takes(text, socket) {
  if (!text.startsWith("40")) return;
  server.said.push(text);
  socket.hear(server.answer);
}
