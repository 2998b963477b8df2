import { RealtimeClient } from "@supabase/realtime-js";

export function connect(origin, hear) {
  const client = new RealtimeClient(`${origin.replace("http", "ws")}/supabase`, {
    params: { apikey: "bench" },
    reconnectAfterMs: (tries) => [50, 100, 200, 500, 1000][tries - 1] ?? 1000,
    worker: false,
  });
  client.connect();
  return new Promise((resolve) => {
    client
      .channel("changes")
      .on("broadcast", { event: "changed" }, ({ payload }) => hear(payload))
      .subscribe((status) => status === "SUBSCRIBED" && resolve());
  });
}
