import { useQuery } from "@tanstack/react-query";
import { useSmartPolling } from "everfresh/react";
import { read } from "../net/http";

/** What the server says of itself. */
interface ServerStats {
  sockets_open: number;
  events_total: number;
  requests_total: number;
  not_modified_total: number;
}

const STATS = ["server", "stats"];

/** Nobody tells when these change, so they are asked for: as often as their contract says at present. */
export function useServerStats() {
  const refetchInterval = useSmartPolling(STATS);
  return useQuery({ queryKey: STATS, queryFn: ({ signal }) => read<ServerStats>("/demo/stats", signal), refetchInterval });
}

/** Asked for when the user wants it, and by nothing else. */
export function useHealth() {
  return useQuery({ queryKey: ["health"], queryFn: ({ signal }) => read<{ ok: boolean }>("/healthz", signal), staleTime: Infinity });
}
