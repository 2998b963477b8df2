// What the tests do to the page around an instance.

/** The package's side of the border, as small as it can be. */
export function makeHost(deliver, broke) {
  return {
    deliver,
    guard: (callback) => (value) => {
      try {
        return callback(value);
      } catch (error) {
        broke(`${error.name}: ${error.message}`);
        return undefined;
      }
    },
  };
}

const uncaught = [];
addEventListener("error", (event) => uncaught.push(event.message));
addEventListener("unhandledrejection", (event) => uncaught.push(String(event.reason)));

/** What nobody caught on the page since the last call: errors, and rejections of promises. */
export function takeUncaught() {
  return uncaught.splice(0).join("; ");
}

/** Says that something happened to the page. */
export function happen(target, name) {
  const event = name.startsWith("page") ? new PageTransitionEvent(name, { persisted: true }) : new Event(name);
  (target === "document" ? document : window).dispatchEvent(event);
}

/** The names of all locks that are held, and of those that are waited for. */
export async function locks() {
  const { held, pending } = await navigator.locks.query();
  return [...held.map((lock) => `held ${lock.name}`), ...pending.map((lock) => `pending ${lock.name}`)].join("\n");
}
