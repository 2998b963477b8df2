/** A server of Socket.IO at the other end of every socket of the page, as much of it as the samples use. */
export declare const server: {
  /** Where the last socket went. */
  url: string;
  /** What asked for the namespace. */
  readonly said: string[];
  /** How it is answered. */
  answer: string;
  /** Says a frame. */
  tell(frame: string): void;
  /** Breaks the connection. */
  cut(): void;
};
