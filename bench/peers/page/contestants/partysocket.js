import { WebSocket as PartySocket } from "partysocket";

export function connect(origin, hear) {
  const socket = new PartySocket(`${origin.replace("http", "ws")}/raw`, [], { minReconnectionDelay: 50, maxReconnectionDelay: 1000 });
  socket.addEventListener("message", ({ data }) => hear(JSON.parse(data).data));
  return new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
}
