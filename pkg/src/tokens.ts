import { EverfreshError } from "./errors.js";
import type { Command } from "./notices.js";
import type { TokenRequest } from "./types.js";

/** Asks the app for tokens. One question at a time: an older one is aborted, and its answer not used. */
export class Tokens {
  get: ((request: TokenRequest) => unknown) | undefined;
  readonly #send: (command: Command) => void;
  readonly #failed: (error: unknown) => void;
  #asking: AbortController | undefined;
  /** What was told of last: a function that fails for as long as the network is away is told of once. */
  #told: string | undefined;

  constructor(get: Tokens["get"], send: (command: Command) => void, failed: (error: unknown) => void) {
    this.get = get;
    this.#send = send;
    this.#failed = failed;
  }

  async ask(request: number, reason: string): Promise<void> {
    this.stop();
    const asking = (this.#asking = new AbortController());
    try {
      const token = (await this.get?.({ reason, signal: asking.signal })) ?? null;
      if (asking.signal.aborted) return;
      this.#told = undefined;
      this.#send({ do: "token", request, token });
    } catch (error) {
      if (asking.signal.aborted) return;
      const login = error instanceof EverfreshError && error.code === "needs-login";
      if (!login) this.#tell(error);
      this.#send({ do: "token", request, failed: login ? "needs-login" : "error" });
    }
  }

  #tell(error: unknown): void {
    const text = String(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#failed(error);
  }

  stop(): void {
    this.#asking?.abort();
  }
}
