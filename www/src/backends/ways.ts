import type { EverfreshBackend, LayerOptions } from "everfresh";
import { passOf } from "../device";

/** Servers beside the demo's own, by their names; none where the demo was started without them. */
export type Beside = Readonly<Record<string, string>>;

/** What is on the page: by the name of its contract. */
export type Shown = "tasks" | "calendar";

/** One of the ways by which changes can come to the page. */
export interface Way {
  readonly id: string;
  readonly name: string;
  /** What the page is told of it, in words. */
  readonly words: string;
  /** The servers beside the demo's own that it needs, and what they are called in words. */
  readonly needs: Readonly<Record<string, string>>;
  readonly backend: (beside: Beside, user: string) => EverfreshBackend;
  readonly layers?: (beside: Beside) => Readonly<Record<string, LayerOptions>>;
  readonly channels?: readonly string[];
  /** The channel that tells of the calendar's blocks; none where the server tells everything to everybody. */
  readonly blocks: string | null;
  readonly token?: (user: string) => string;
  readonly here: Here;
}

/** What is known of who is here. */
export interface Here {
  /** The channel that has it; none where the wire does not say it. */
  readonly room?: string;
  /** Whether a page says itself what it shows: its tabs, and whether somebody is at one. Else the server knows connections. */
  readonly shows?: boolean;
  /** Whose word it is. */
  readonly words: string;
}

const socketio = (url: string | undefined): EverfreshBackend => ({ kind: "socketio", url: url ?? "/" });
const BLOCKS = { changes: [{ table: "timeblocks" }] };
const unsaid: Here = { words: "This wire does not say who is here." };

export const WAYS: readonly [Way, ...Way[]] = [
  {
    id: "native",
    name: "Everfresh server",
    words: "The package's own protocol: every event has a number, and what was missed is told.",
    needs: {},
    backend: () => ({ kind: "everfresh", url: "/live" }),
    channels: ["tasks"],
    blocks: "calendar",
    token: passOf,
    here: { room: "tasks", shows: true, words: "The server says who it is, and each tab what it shows." },
  },
  {
    id: "node",
    name: "Socket.IO, Node",
    words: "socket.io with connection state recovery, beside the server that has the records.",
    needs: { node: "Socket.IO" },
    backend: ({ node }) => socketio(node),
    blocks: null,
    here: unsaid,
  },
  {
    id: "python",
    name: "Socket.IO, Python",
    words: "python-socketio, which recovers nothing: after a gap each query is fetched once.",
    needs: { python: "Socket.IO" },
    backend: ({ python }) => socketio(python),
    blocks: null,
    here: unsaid,
  },
  {
    id: "supabase",
    name: "Supabase",
    words: "Changes of rows, as Supabase Realtime tells them. Here a stand-in does that.",
    needs: { feed: "Supabase" },
    backend: ({ feed }, user) => ({
      kind: "supabase",
      url: feed ?? "/",
      apikey: "demo",
      channels: { "tasks:all": { changes: [{ table: "tasks" }], presence: { enabled: true, key: user } }, "blocks:all": BLOCKS },
    }),
    channels: ["tasks:all"],
    blocks: "blocks:all",
    here: { room: "tasks:all", shows: true, words: "Each browser says itself who it is, and what its tabs show." },
  },
  {
    id: "phoenix",
    name: "Phoenix",
    words: "Events of a topic of Phoenix channels. Here a stand-in tells them.",
    needs: { feed: "Phoenix" },
    backend: ({ feed }, user) => ({ kind: "phoenix", url: `${feed ?? ""}/socket`, join: { as: user } }),
    channels: ["room:tasks"],
    blocks: "room:calendar",
    here: { room: "room:tasks", words: "The server says who it tracks. A page cannot say what it shows." },
  },
  {
    id: "centrifugo",
    name: "Centrifugo",
    words: "Publications of a channel of Centrifugo, which tells what was missed. Here a stand-in does that.",
    needs: { centrifugo: "Centrifugo" },
    backend: ({ centrifugo }) => ({ kind: "centrifugo", url: `${centrifugo ?? ""}/connection/websocket`, presence: true }),
    channels: ["tasks:all"],
    blocks: "calendar:all",
    token: (user) => user,
    here: { room: "tasks:all", words: "The server says whose connections it has. A page cannot say what it shows." },
  },
  {
    id: "layers",
    name: "Three layers",
    words: "Socket.IO, the feed of the database in the protocol of Supabase, and looks. Any two of them may be lost.",
    needs: { node: "Socket.IO", feed: "the feed" },
    backend: ({ node }) => socketio(node),
    layers: ({ feed }) => ({
      feed: {
        backend: {
          kind: "supabase",
          url: feed ?? "/",
          apikey: "demo",
          channels: { "tasks:all": { changes: [{ table: "tasks" }] }, "blocks:all": BLOCKS },
        },
        channels: ["tasks:all", "blocks:all"],
      },
    }),
    blocks: null,
    here: { words: "The first layer would say who is here, and Socket.IO does not." },
  },
];

export const wayOf = (id: string | null): Way => WAYS.find((way) => way.id === id) ?? WAYS[0];

export const missesFor = ({ needs }: Way, beside: Beside): boolean => Object.keys(needs).some((name) => !(name in beside));

/** Does to a server beside the demo's own what its lab does. What it answers a page of another origin may not read. */
export async function disturb(origin: string, door: "away" | "mute", how: object): Promise<void> {
  await fetch(`${origin}/lab/${door}`, { method: "POST", mode: "no-cors", body: JSON.stringify(how) });
}
