// One socket for all tabs, by the library's election of a leader: who leads connects, and passes on what it hears.
import { BroadcastChannel, createLeaderElection } from "broadcast-channel";

import { connect as connectAlone } from "../contestants/raw.js";

const LOOK_MS = 10;

export async function connect(origin, hear) {
  // Workers are looked for with IndexedDB; there are none.
  const channel = new BroadcastChannel("bench", { webWorkerSupport: false });
  channel.onmessage = hear;
  const elector = createLeaderElection(channel);
  const leads = elector.awaitLeadership().then(() =>
    connectAlone(origin, (event) => {
      hear(event);
      void channel.postMessage(event);
    }),
  );
  // Whoever does not lead is there as soon as somebody does.
  while (!(await elector.hasLeader())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  if (elector.isLeader) await leads;
}
