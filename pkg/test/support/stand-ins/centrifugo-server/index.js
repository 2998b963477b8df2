// A server of Centrifugo at the other end of every socket of the page, as much of it as the samples use.
import { serve } from "../sockets.mjs";

/** How often the server gives a sign of life. */
const PING_S = 25;
const EPOCH = "e1";
/** What was published, of every channel the same. */
const history = [];

const say = (socket, message) => socket.hear(JSON.stringify(message));
const push = (channel, what) => server.tell(JSON.stringify({ push: { channel, ...what } }));

export const server = serve({ takes });
Object.assign(server, {
  said: [],
  publish(channel, data) {
    history.push({ data, offset: history.length + 1 });
    push(channel, { pub: history.at(-1) });
  },
  forget: () => void history.splice(0, history.length, ...history.map(() => undefined)),
});

function takes(text, socket) {
  for (const line of text.split("\n")) {
    const { id, connect, subscribe } = JSON.parse(line);
    if (id === undefined) continue;
    server.said.push(connect ?? subscribe);
    if (connect) {
      say(socket, { id, connect: { client: "c", version: "6.0.0", ping: PING_S, pong: true } });
      setInterval(() => socket.hear("{}"), PING_S * 1000);
    }
    if (subscribe) say(socket, { id, subscribe: subscribed(subscribe) });
  }
}

function subscribed({ recover = false, epoch, offset = 0 }) {
  const state = { recoverable: true, positioned: true, epoch: EPOCH, offset: history.length };
  const missed = history.slice(offset);
  if (!recover) return state;
  const recovered = epoch === EPOCH && !missed.includes(undefined);
  return recovered ? { ...state, offset, was_recovering: true, recovered, publications: missed } : { ...state, was_recovering: true };
}
