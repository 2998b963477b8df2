/** A server of GraphQL at the other end of every socket of the page, as much of it as the samples use. */
export declare const server: {
  /** Where the last socket went. */
  url: string;
  /** What was said but for signs of life. */
  readonly said: readonly { type: string; payload?: unknown }[];
  /** A result of the subscription with this text. */
  result(query: string, data: unknown): void;
  /** Breaks the connection. */
  cut(): void;
};
