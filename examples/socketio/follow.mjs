// Follows channels of a server of fresh.v1 (docs/protocol.md), for a server that tells it on in another protocol.

import { randomUUID } from "node:crypto";

import { WebSocket } from "ws";

const AGAIN_MS = 500;

/**
 * @param source the server's address, such as `http://127.0.0.1:4321`
 * @param names the channels
 * @param told is called with each event, once, in its channel's order: `{ ch, name, data }`
 */
export function follow(source, names, told) {
  const client = randomUUID();
  const places = new Map();

  function hear(event) {
    const { e, s = 0 } = places.get(event.ch) ?? {};
    if (event.s <= s) return;
    places.set(event.ch, { e, s: event.s });
    told(event);
  }

  function dial() {
    const socket = new WebSocket(`${source.replace(/^http/, "ws")}/live`, "fresh.v1");
    const say = (message) => socket.send(JSON.stringify(message));
    socket.on("open", () => {
      say({ t: "hello", v: 1, client, token: "demo:gateway" });
      names.forEach((ch, id) => say({ t: "sub", id, ch, ...(places.has(ch) && { pos: places.get(ch) }) }));
    });
    socket.on("message", (data) => {
      for (const line of data.toString().split("\n")) {
        const message = line.trim() === "" ? {} : JSON.parse(line);
        if (message.t === "ping") say({ t: "pong", n: message.n });
        if (message.t === "ev") hear(message);
        if (message.t !== "subd") continue;
        // What came before the first word of ours is nobody's business here.
        if (!places.has(message.ch) || message.recovered === false) places.set(message.ch, message.pos);
        for (const event of message.missed ?? []) hear({ ...event, ch: message.ch });
      }
    });
    socket.on("error", () => {}); // `close` follows.
    socket.on("close", () => setTimeout(dial, AGAIN_MS));
  }

  dial();
}
