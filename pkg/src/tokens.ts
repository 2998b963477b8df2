import { EverfreshError } from "./errors.js";
import type { Command } from "./notices.js";
import type { ParsedTokens } from "./options.js";

/** Asks the app for tokens. One question at a time for each thing: an older one is aborted, and its answer not used. */
export class Tokens {
  of: ParsedTokens;
  readonly #send: (command: Command) => void;
  readonly #failed: (error: unknown) => void;
  /** By the channel that the token is for; that of the connection is for none. */
  readonly #asking = new Map<string | undefined, AbortController>();
  /** What was told of last: a function that fails for as long as the network is away is told of once. */
  #told: string | undefined;

  constructor(of: ParsedTokens, send: (command: Command) => void, failed: (error: unknown) => void) {
    this.of = of;
    this.#send = send;
    this.#failed = failed;
  }

  async ask(request: number, reason: string, channel?: string): Promise<void> {
    this.#asking.get(channel)?.abort();
    const asking = new AbortController();
    this.#asking.set(channel, asking);
    const { signal } = asking;
    const { getToken, getChannelToken } = this.of;
    try {
      const asked = channel === undefined ? getToken?.({ reason, signal }) : getChannelToken?.({ channel, reason, signal });
      const token = (await asked) ?? null;
      if (signal.aborted) return;
      this.#told = undefined;
      this.#send({ do: "token", request, token });
    } catch (error) {
      if (signal.aborted) return;
      const login = error instanceof EverfreshError && error.code === "needs-login";
      if (!login) this.#tell(error);
      this.#send({ do: "token", request, failed: login ? "needs-login" : "error" });
    } finally {
      if (this.#asking.get(channel) === asking) this.#asking.delete(channel);
    }
  }

  #tell(error: unknown): void {
    const text = String(error);
    if (text === this.#told) return;
    this.#told = text;
    this.#failed(error);
  }

  stop(): void {
    for (const asking of this.#asking.values()) asking.abort();
  }
}
