import { IDLE } from "./notices.js";
import { parseFamilies, parseName } from "./options.js";
import type { Everfresh, Unsubscribe } from "./types.js";

const nothing: Unsubscribe = () => {};

/**
 * An instance that does nothing, for where there is no page: a server that renders. Arguments are
 * checked all the same, so that a mistake shows wherever the code runs first.
 */
export function createInert(name: string): Everfresh<Record<string, unknown>> {
  const inert = {
    name,
    ready: Promise.resolve(),
    subscribe: () => nothing,
    getSnapshot: () => IDLE,
    getServerSnapshot: () => IDLE,
    on(event: string) {
      parseName(event, "name");
      return nothing;
    },
    onInvalidate: () => nothing,
    onFault: () => nothing,
    channel(channel: string) {
      parseName(channel, "name");
      return nothing;
    },
    invalidate(families: readonly unknown[]) {
      parseFamilies(families, "families");
    },
    reconnect() {},
    close() {},
  };
  if (Symbol.dispose) Object.defineProperty(inert, Symbol.dispose, { value: () => {} });
  if (Symbol.asyncDispose) Object.defineProperty(inert, Symbol.asyncDispose, { value: async () => {} });
  return inert as unknown as Everfresh<Record<string, unknown>>;
}
