export type Status = "SUBSCRIBED" | "TIMED_OUT" | "CLOSED" | "CHANNEL_ERROR";
export interface Change {
  eventType: "INSERT" | "UPDATE" | "DELETE";
  table: string;
  new: Record<string, any>;
  old: Record<string, any>;
}
export interface RealtimeChannel {
  on(type: "postgres_changes", filter: { event: string; schema: string; table: string; filter?: string }, listener: (change: Change) => void): RealtimeChannel;
  subscribe(listener?: (status: Status) => void): RealtimeChannel;
}
export declare function createClient(url: string, key: string): {
  channel(name: string): RealtimeChannel;
  removeChannel(channel: RealtimeChannel): Promise<"ok" | "timed out" | "error">;
};
export declare const channels: (RealtimeChannel & { name: string; status(status: Status): void; hear(type: string, change: Partial<Change>): void })[];
