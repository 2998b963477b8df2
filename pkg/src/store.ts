/** A value that changes, in the form that `useSyncExternalStore` wants. */
export interface Store<Value> {
  /** The present value: the same object until it changes. */
  get(): Value;
  /** Puts another value in. Tells the listeners unless it is the very same. */
  set(value: Value): void;
}

/** Makes a store that calls `changed` after every change. */
export function createStore<Value>(initial: Value, changed: () => void): Store<Value> {
  let value = initial;
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      changed();
    },
  };
}
