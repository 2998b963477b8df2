// A thousand clients of one library, each with what holds for it when nothing is set, and a server that is away for ten seconds: how
// many of them knock at the same moment. They run in this process; ours runs in virtual time, as the engine alone (bench/crowd.rs).

import { execFileSync } from "node:child_process";

import { RealtimeClient } from "@supabase/realtime-js";
import { Centrifuge } from "centrifuge";
import { WebSocket as PartySocket } from "partysocket";
import { Socket } from "phoenix";
import { io } from "socket.io-client";
import { WebSocket } from "ws";

const MANY = 1000;
const AWAY_MS = 10_000;
/** By then each of them has come back, if it ever does soon. */
const PATIENCE_MS = 40_000;
const WINDOW_MS = 100;
const RAW_AGAIN_MS = 100;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ws = (origin) => origin.replace("http", "ws");

/** Each connects one client, and gives what ends it. */
const CLIENTS = {
  raw(origin) {
    let [socket, over] = [undefined, false];
    const open = () => {
      socket = new WebSocket(`${ws(origin)}/raw`);
      socket.on("error", () => {});
      socket.on("close", () => over || setTimeout(open, RAW_AGAIN_MS));
    };
    open();
    return () => ((over = true), socket.terminate());
  },
  socketio(origin) {
    const socket = io(origin, { transports: ["websocket"], forceNew: true });
    return () => socket.disconnect();
  },
  phoenix(origin) {
    const socket = new Socket(`${ws(origin)}/phoenix`, { transport: WebSocket });
    socket.connect();
    socket.channel("changes").join();
    return () => socket.disconnect();
  },
  supabase(origin) {
    const client = new RealtimeClient(`${ws(origin)}/supabase`, { params: { apikey: "bench" }, transport: WebSocket });
    client.connect();
    client.channel("changes").subscribe();
    return () => client.disconnect();
  },
  centrifuge(origin) {
    const client = new Centrifuge(`${ws(origin)}/centrifugo`, { websocket: WebSocket });
    client.newSubscription("changes").subscribe();
    client.connect();
    return () => client.disconnect();
  },
  partysocket(origin) {
    const socket = new PartySocket(`${ws(origin)}/raw`, [], { WebSocket });
    return () => socket.close();
  },
};

/** The most that came within a window, wherever it begins, of so many. */
function busiest(times) {
  const sorted = [...times].sort((a, b) => a - b);
  let [first, most] = [0, 0];
  for (let last = 0; last < sorted.length; last += 1) {
    while (sorted[last] - sorted[first] >= WINDOW_MS) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

function figures(dials, back, looks = []) {
  const later = dials.filter((at) => at >= AWAY_MS);
  return { share: busiest(later) / MANY, lost_share: busiest(dials.filter((at) => at < AWAY_MS)) / MANY, dials: dials.length / MANY, looks: looks.length / MANY, back_ms: back };
}

function ours() {
  const text = execFileSync(process.env.EVERFRESH_CROWD, [`${MANY}`, `${AWAY_MS}`], { encoding: "utf8" });
  const { dials, looks, back } = JSON.parse(text);
  return figures(dials, back, looks);
}

export const crowd = {
  id: "crowd",
  title: "1,000 clients with nothing set, the server is away for ten seconds: the largest share that dials within 100 ms once it is there again, and before; how often each dials, or looks by a request; when all are back",
  figures: { share: "", lost_share: "", dials: "", looks: "", back_ms: "ms" },
  // The machine has nothing else to do meanwhile, and chance is in a thousand clients already.
  rounds: 1,
  long: true,
  // They run in this process.
  browser: false,
  async run({ backend, contestant }) {
    if (contestant === "everfresh" && process.env.EVERFRESH_CROWD) return ours();
    const client = CLIENTS[contestant];
    if (client === undefined) return {};
    // Some libraries ask for one by its name.
    globalThis.WebSocket ??= WebSocket;
    const ends = [];
    for (let n = 0; n < MANY; n += 1) {
      ends.push(client(backend.url));
      if (n % 50 === 49) await sleep(50);
    }
    await until(() => backend.sockets >= MANY, PATIENCE_MS);
    // Backoffs forget what was before by then.
    await sleep(6000);
    const began = performance.now();
    backend.watch();
    await backend.stop();
    await sleep(AWAY_MS);
    await backend.restart();
    const all = await until(() => backend.sockets >= MANY, PATIENCE_MS);
    const back = performance.now() - began - AWAY_MS;
    const times = backend.knocks().map((at) => at - began);
    for (const end of ends) end();
    await until(() => backend.sockets === 0, PATIENCE_MS);
    return figures(times, all ? Math.round(back) : undefined);
  },
};

async function until(holds, patienceMs) {
  for (const began = Date.now(); !holds(); await sleep(10)) if (Date.now() - began > patienceMs) return false;
  return true;
}
