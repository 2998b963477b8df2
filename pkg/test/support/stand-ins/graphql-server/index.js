// A server of GraphQL at the other end of every socket of the page, as much of it as the samples use.
import { serve } from "../sockets.mjs";

const say = (socket, message) => socket.hear(JSON.stringify(message));
/** The last subscription of each operation's text. */
const running = new Map();

export const server = serve({ takes });
Object.assign(server, {
  said: [],
  result: (query, data) => server.tell(JSON.stringify({ id: running.get(query), type: "next", payload: { data } })),
});

function takes(text, socket) {
  const message = JSON.parse(text);
  if (message.type === "ping") return say(socket, { type: "pong" });
  server.said.push(message);
  if (message.type === "connection_init") say(socket, { type: "connection_ack" });
  if (message.type === "subscribe") running.set(message.payload.query, message.id);
}
