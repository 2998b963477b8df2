import { Boundary } from "./boundary.js";
import { EverfreshError } from "./errors.js";
import { Interest } from "./interest.js";
import { subscription } from "./listeners.js";
import type { CoreClass } from "./loader.js";
import type { Command, Notice } from "./notices.js";
import { ROUTE_OF_FUNCTIONS } from "./options.js";
import type { ParsedLayer, ParsedOptions } from "./options.js";
import { Tokens } from "./tokens.js";
import type { EverfreshSnapshot, Fault, SubscribeOptions, Unsubscribe } from "./types.js";

/** What an instance gives to its other backends. */
export interface Home {
  /** Tells the instance's own engine something. */
  send(command: Command): void;
  fault(fault: Fault): void;
  threw(error: unknown): void;
}

/**
 * The other backends of an instance. Each has an engine of its own, with a connection and a place among the
 * tabs, and no queries: what it hears it hands on to the instance's engine, which decides what that means.
 */
export class Layers {
  readonly #layers: readonly Layer[];
  /** Events that a route names. */
  readonly #routed: readonly string[];

  constructor(options: ParsedOptions, home: Home) {
    this.#layers = options.layers.map((layer, index) => new Layer(index + 1, layer, options, home));
    this.#routed = Object.keys((options.config["events"] ?? {}) as object).filter((name) => name !== ROUTE_OF_FUNCTIONS);
  }

  open(Engine: CoreClass, user: string | null): void {
    for (const layer of this.#layers) layer.open(Engine, user, this.#routed);
  }

  shut(): void {
    for (const layer of this.#layers) layer.shut();
  }

  send(command: Command): void {
    for (const layer of this.#layers) layer.send(command);
  }

  /** Takes over the functions of a later call. */
  adopt(layers: readonly ParsedLayer[]): void {
    this.#layers.forEach((layer, index) => layer.adopt(layers[index]));
  }

  /** Follows a channel of the backend of that name. */
  channel(name: string, layer: string, options: SubscribeOptions | undefined): Unsubscribe {
    const found = this.#layers.find((one) => one.name === layer);
    if (found === undefined) {
      const expected = this.#layers.map((one) => one.name).join(", ") || "no layer, because there is none";
      throw new EverfreshError("option-invalid", `\`layer\`: expected ${expected}, got ${JSON.stringify(layer)}`, { path: "layer", expected });
    }
    return subscription(options?.signal, () => found.want(name));
  }
}

class Layer {
  readonly name: string;
  readonly #number: number;
  readonly #options: ParsedLayer;
  readonly #whole: ParsedOptions;
  readonly #home: Home;
  readonly #tokens: Tokens;
  readonly #channels: Interest;
  #engine: Boundary | undefined;

  constructor(number: number, options: ParsedLayer, whole: ParsedOptions, home: Home) {
    this.name = options.name;
    this.#number = number;
    this.#options = options;
    this.#whole = whole;
    this.#home = home;
    this.#tokens = new Tokens(options, (command) => this.send(command), home.threw);
    this.#channels = new Interest(options.channels, (channel, wanted) => this.send({ do: wanted ? "watch" : "unwatch", channel }));
  }

  adopt(layer: ParsedLayer | undefined): void {
    this.#tokens.of = { getToken: layer?.getToken, getChannelToken: layer?.getChannelToken };
  }

  want(channel: string): () => void {
    return this.#channels.want(channel);
  }

  open(Engine: CoreClass, user: string | null, routed: readonly string[]): void {
    const { backend, channels, getToken } = this.#options;
    const config = {
      // Its tabs are those that have this backend, and its word on who is there is for its like alone.
      name: `${this.#whole.config.name}/${this.name}`,
      user,
      backend,
      channels,
      getToken: getToken !== undefined,
      // No event has this name: what is told of it is that events may have been missed.
      events: { [ROUTE_OF_FUNCTIONS]: [[]] },
    };
    try {
      this.#engine = new Boundary(Engine, JSON.stringify(config), this.#whole.workerUrl, this.#deliver, (error) => this.#broke(error));
      for (const event of routed) this.send({ do: "listen", event });
      const snapshot = this.#engine.call((core) => (core.start(), core.snapshot()));
      this.#channels.open();
      if (snapshot !== undefined) this.#is(JSON.parse(snapshot) as EverfreshSnapshot);
    } catch (cause) {
      this.#broke(cause as EverfreshError);
    }
  }

  shut(): void {
    this.#channels.shut();
    this.#tokens.stop();
    this.#engine?.close();
    this.#engine = undefined;
  }

  send(command: Command): void {
    try {
      this.#engine?.call((core) => core.command(JSON.stringify(command)));
    } catch (cause) {
      this.#fault(cause as EverfreshError);
    }
  }

  readonly #deliver = (batch: string): void => {
    const n = this.#number;
    for (const notice of JSON.parse(batch) as Notice[]) {
      switch (notice.type) {
        case "status":
          this.#is(notice.snapshot);
          break;
        case "event": {
          const { type: _, ...event } = notice;
          this.#home.send({ do: "elsewhere", n, ...event });
          break;
        }
        case "invalidate":
          if (notice.cause.why === "gap") this.#home.send({ do: "missed", n, channel: notice.cause.channel ?? "*" });
          break;
        case "token":
          void this.#tokens.ask(notice.request, notice.reason, notice.channel);
          break;
        case "fault":
          this.#fault(notice);
          break;
        case "log":
          console.debug(`[everfresh:${this.name}:${notice.part}]`, notice.text);
          break;
        // Who is there is the business of the instance, which tells every layer.
        default:
      }
    }
  };

  #is({ status, reason, since, attempt, nextRetry, authenticated, transport, channels }: EverfreshSnapshot): void {
    const waiting = channels.find(({ state }) => state === "waiting" || state === "subscribing");
    const link = { do: "layer", n: this.#number, since, attempt, nextRetry, transport } as const;
    // Until its channels are told nothing can be expected of it.
    if (status === "connected" && waiting !== undefined) {
      this.#home.send({ ...link, status: "connecting", reason: `subscribing to ${waiting.channel}`, authenticated: false });
    } else this.#home.send({ ...link, status, reason, authenticated });
  }

  /** The others go on without it. */
  #broke(error: EverfreshError): void {
    this.shut();
    const gone = { attempt: 0, nextRetry: null, authenticated: false, transport: null };
    this.#home.send({ do: "layer", n: this.#number, status: "failed", reason: error.message, since: Date.now(), ...gone });
    this.#fault(error);
  }

  #fault(what: EverfreshError | { code: string; message: string }): void {
    const error = what instanceof EverfreshError ? { error: what } : {};
    this.#home.fault({ code: what.code, message: `${this.name}: ${what.message}`, ...error });
  }
}
