// TanStack's own: what one tab has fetched is put into the caches of the others. A connection is each tab's.
import { broadcastQueryClient } from "@tanstack/query-broadcast-client-experimental";

import { connect as connectAlone } from "../contestants/raw.js";

export async function connect(origin, hear, client) {
  if (client !== undefined) broadcastQueryClient({ queryClient: client, broadcastChannel: "bench" });
  await connectAlone(origin, hear);
}
