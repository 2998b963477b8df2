import { createEverfresh as create } from "./index.js";
import type {
  AnyMutation,
  DeclaredContracts,
  DeclaredEvents,
  DeclaredMutations,
  Everfresh,
  EverfreshOptions,
  RegisteredContracts,
  RegisteredEvents,
  RegisteredMutations,
} from "./types.js";

export * from "./index.js";

/**
 * The same as in `everfresh`, with the WebAssembly module inside of the JavaScript, for where no file can be
 * served beside it. A third larger, and not cached by itself: prefer the other one.
 */
export function createEverfresh<
  Events extends object = RegisteredEvents,
  Mutations extends { [Name in keyof Mutations]: AnyMutation } = RegisteredMutations,
  Contracts extends string = RegisteredContracts,
>(
  options: EverfreshOptions<DeclaredEvents<Events>, DeclaredMutations<Mutations>, DeclaredContracts<Contracts>>,
): Everfresh<Events, Mutations, Contracts> {
  const bytes = async () => {
    const { base64 } = await import("./wasm/inline.js");
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  };
  return create<Events, Mutations, Contracts>(typeof options === "object" ? { wasm: { bytes }, ...options } : options);
}
