/** Puts values in the place of globals, and gives what puts the old ones back. */
export function replace(values: Record<string, unknown>, of: object = globalThis): () => void {
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(of, name)] as const);
  for (const [name, value] of Object.entries(values)) Object.defineProperty(of, name, { value, configurable: true, writable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(of, name, descriptor);
      else delete (of as Record<string, unknown>)[name];
    }
  };
}

/** As much of a page as the package needs, where the test runs without one. */
export function pageGlobals(): Record<string, unknown> {
  const target = new EventTarget();
  const document = Object.assign(new EventTarget(), { baseURI: "https://app.test/", visibilityState: "visible", hidden: false });
  return {
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
    document,
    window: globalThis,
    Window: class {
      static [Symbol.hasInstance](value: unknown) {
        return value === globalThis;
      }
    },
  };
}
