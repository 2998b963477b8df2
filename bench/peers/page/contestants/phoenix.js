import { Socket } from "phoenix";

const AFTER_MS = (tries) => [50, 100, 200, 500, 1000][tries - 1] ?? 1000;

export function connect(origin, hear) {
  const socket = new Socket(`${origin.replace("http", "ws")}/phoenix`, { reconnectAfterMs: AFTER_MS, rejoinAfterMs: AFTER_MS });
  socket.connect();
  const channel = socket.channel("changes");
  channel.on("changed", hear);
  return new Promise((resolve) => channel.join().receive("ok", resolve));
}
