/** A server of Phoenix channels at the other end of every socket of the page, as much of it as the samples use. */
export declare const server: {
  /** Where the last socket went. */
  url: string;
  /** What was said but for signs of life: topic, event and payload. */
  readonly said: [topic: string, event: string, payload: unknown][];
  /** How joins are answered: the status and the response. Of Supabase the changes that were asked for come back by themselves. */
  answer: [status: "ok" | "error", response: unknown];
  /** Tells everybody on a topic. */
  tell(topic: string, event: string, payload: unknown): void;
  /** Breaks the connection. */
  cut(): void;
};
