// A server that takes sockets, checks a token and sends JSON, at the other end of every socket of the page.
import { serve } from "../sockets.mjs";

export const server = Object.assign(serve({ takes }), { said: [], tokens: [] });

function takes(text, socket) {
  server.said.push(text);
  if (text === "ping") return socket.hear("pong");
  const { type, token, channel } = JSON.parse(text);
  if (type === "subscribe") return socket.hear(JSON.stringify({ type: "subscribed", channel }));
  if (type !== "auth") return;
  if (server.tokens.length > 0 && !server.tokens.includes(token)) socket.end(4401);
  else socket.hear('{"type":"welcome"}');
}
