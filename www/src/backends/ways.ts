import type { EverfreshBackend, LayerOptions } from "everfresh";

/** Servers beside the demo's own, by their names; none where the demo was started without them. */
export type Beside = Readonly<Record<string, string>>;

/** One of the ways by which changes can come to the page. */
export interface Way {
  readonly id: string;
  readonly name: string;
  /** What the page is told of it, in words. */
  readonly words: string;
  /** The servers beside the demo's own that it needs. */
  readonly needs: readonly string[];
  readonly backend: (beside: Beside) => EverfreshBackend;
  readonly layers?: (beside: Beside) => Readonly<Record<string, LayerOptions>>;
  readonly channels?: readonly string[];
}

const socketio = (url: string | undefined): EverfreshBackend => ({ kind: "socketio", url: url ?? "/" });

export const WAYS: readonly [Way, ...Way[]] = [
  {
    id: "native",
    name: "Everfresh server",
    words: "The package's own protocol: every event has a number, and what was missed is told.",
    needs: [],
    backend: () => ({ kind: "everfresh", url: "/live" }),
    channels: ["tasks"],
  },
  {
    id: "node",
    name: "Socket.IO, Node",
    words: "socket.io with connection state recovery, beside the server that has the records.",
    needs: ["node"],
    backend: ({ node }) => socketio(node),
  },
  {
    id: "python",
    name: "Socket.IO, Python",
    words: "python-socketio, which recovers nothing: after a gap each query is fetched once.",
    needs: ["python"],
    backend: ({ python }) => socketio(python),
  },
  {
    id: "layers",
    name: "Three layers",
    words: "Socket.IO, the feed of the database in the protocol of Supabase, and looks. Any two of them may be lost.",
    needs: ["node", "feed"],
    backend: ({ node }) => socketio(node),
    layers: ({ feed }) => ({
      feed: {
        backend: {
          kind: "supabase",
          url: feed ?? "/",
          apikey: "demo",
          channels: { "tasks:all": { changes: [{ table: "tasks" }] } },
        },
        channels: ["tasks:all"],
      },
    }),
  },
];

export const wayOf = (id: string | null): Way => WAYS.find((way) => way.id === id) ?? WAYS[0];

/** Does to a server beside the demo's own what its lab does. What it answers a page of another origin may not read. */
export async function disturb(origin: string, door: "away" | "mute", how: object): Promise<void> {
  await fetch(`${origin}/lab/${door}`, { method: "POST", mode: "no-cors", body: JSON.stringify(how) });
}
