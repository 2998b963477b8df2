/** A server of Centrifugo at the other end of every socket of the page, as much of it as the samples use. */
export declare const server: {
  /** Where the last socket went. */
  url: string;
  /** What was said but for signs of life: what stands in each command. */
  readonly said: readonly unknown[];
  /** Publishes something on a channel. */
  publish(channel: string, data: unknown): void;
  /** What was published is not kept any more. */
  forget(): void;
  /** Breaks the connection. */
  cut(): void;
};
