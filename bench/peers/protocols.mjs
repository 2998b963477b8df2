// What each WebSocket contestant speaks, by the path that its client dials. `hears(tell)` says how it is told of an event.

const CHANNEL = "changes";

/** Bare JSON. */
function raw({ ws, hears }) {
  hears((event) => ws.send(JSON.stringify({ name: "changed", data: event })));
}

/** Phoenix channels, serializer version 2: `[join_ref, ref, topic, event, payload]`. */
function phoenix({ ws, hears }) {
  ws.on("message", (text) => {
    const [join, ref, topic, event, payload] = JSON.parse(text);
    const reply = (response) => ws.send(JSON.stringify([join, ref, topic, "phx_reply", { status: "ok", response }]));
    if (event !== "phx_join") return reply({});
    const isSupabase = payload?.config !== undefined;
    reply(isSupabase ? { postgres_changes: [] } : {});
    hears((data) => {
      const [name, body] = isSupabase ? ["broadcast", { type: "broadcast", event: "changed", payload: data }] : ["changed", data];
      ws.send(JSON.stringify([join, null, topic, name, body]));
    });
  });
}

const KEPT = 500;

/** The last events: what a page that was away catches up from, as the real servers keep them. */
export class History {
  epoch = `bench${Date.now()}`;
  last = 0;
  #events = [];

  keep(event) {
    this.last = event.seq;
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** What came after a position; nothing if that is not known any more. */
  since(epoch, offset) {
    const isKept = epoch === this.epoch && offset >= this.last - this.#events.length;
    return isKept ? this.#events.filter(({ seq }) => seq > offset) : undefined;
  }
}

/** Centrifugo's JSON, with recovery by offset. */
function centrifugo({ ws, hears, history }) {
  const asPublication = (data) => ({ data, offset: data.seq });
  ws.on("message", (text) => {
    for (const line of String(text).split("\n").filter(Boolean)) {
      const { id, connect, subscribe } = JSON.parse(line);
      if (connect) ws.send(JSON.stringify({ id, connect: { client: "bench", version: "6.0.0", ping: 25, pong: true } }));
      if (!subscribe) continue;
      const missed = subscribe.recover ? history.since(subscribe.epoch, subscribe.offset ?? 0) : undefined;
      const recovered = missed !== undefined;
      const publications = (missed ?? []).map(asPublication);
      ws.send(JSON.stringify({ id, subscribe: { recoverable: true, epoch: history.epoch, offset: history.last, recovered, publications } }));
      hears((data) => ws.send(JSON.stringify({ push: { channel: CHANNEL, pub: asPublication(data) } })));
    }
  });
}

/** The core of docs/protocol.md. */
function fresh({ ws, hears, history }) {
  const say = (message) => ws.send(JSON.stringify(message));
  const asEvent = (data) => ({ t: "ev", ch: CHANNEL, s: data.seq, name: "changed", data, at: Math.round(data.at) });
  ws.on("message", (text) => {
    for (const line of String(text).split("\n").filter(Boolean)) {
      const { t, id, n, ch, pos } = JSON.parse(line);
      if (t === "hello") say({ t: "welcome", v: 1, session: "bench", ping: 25_000, now: Date.now() });
      else if (t === "ping") say({ t: "pong", n });
      else if (t === "unsub") say({ t: "unsubd", id, ch });
      else if (t === "sub") {
        const missed = pos === undefined ? undefined : history.since(pos.e, pos.s);
        const recovered = pos === undefined ? null : missed !== undefined;
        say({ t: "subd", id, ch, pos: { e: history.epoch, s: history.last }, recovered, missed: (missed ?? []).map(asEvent) });
        hears((data) => say(asEvent(data)));
      }
    }
  });
}

export const SPOKEN = {
  "/raw": raw,
  "/phoenix/websocket": phoenix,
  "/supabase/websocket": phoenix,
  "/centrifugo": centrifugo,
  "/live": fresh,
};
