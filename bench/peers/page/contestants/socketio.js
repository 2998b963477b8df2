// Settings for a quick return: the documented ones, at their shortest.
import { io } from "socket.io-client";

export function connect(origin, hear) {
  const socket = io(origin, { transports: ["websocket"], reconnectionDelay: 100, reconnectionDelayMax: 1000 });
  socket.on("changed", hear);
  return new Promise((resolve) => socket.once("connect", resolve));
}
