/** A server that takes sockets, checks a token and sends JSON, at the other end of every socket of the page. */
export declare const server: {
  /** Where the last socket went. */
  url: string;
  /** What the page said, in order. */
  readonly said: string[];
  /** Tokens that are taken. Any, if there are none. */
  tokens: string[];
  /** Says a frame. */
  tell(frame: string): void;
  /** Breaks the connection. */
  cut(): void;
};
