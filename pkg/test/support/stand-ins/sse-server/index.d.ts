/** A server of a stream of events at `/events`. */
export declare const server: {
  /** Answers a request of the page, if it is for the stream. */
  answer(method: string, path: string): Response | undefined;
  /** The status of the next answers. */
  status: number;
  /** How often the stream was opened. */
  opened: number;
  /** Says some text on the stream. */
  tell(text: string): void;
  /** Ends the stream. */
  end(): void;
};
