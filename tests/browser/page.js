// What the tests do to the page around an instance.

/** The package's side of the border, as small as it can be. */
export function makeHost(deliver, broke) {
  return {
    deliver,
    relay: (hears) => makeWorker(hears),
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

// Stand-ins for the network.

const sockets = [];

class FakeSocket extends EventTarget {
  constructor(url, protocol) {
    super();
    if (FakeSocket.refuses) throw new DOMException("blocked", "SecurityError");
    Object.assign(this, { url, protocol, sent: [], closed: null, binaryType: "blob", readyState: 0 });
    sockets.push(this);
  }
  send(text) {
    this.sent.push(text);
  }
  close(code) {
    this.closed = code;
  }
}

/** From now on sockets are stand-ins; a page whose policy forbids them refuses each at once. */
export function fakeSockets(refuses) {
  sockets.length = 0;
  FakeSocket.refuses = refuses;
  replace(globalThis, "WebSocket", { value: FakeSocket });
}

/** Everything about the sockets that were opened, as JSON text. */
export const socketCalls = () =>
  JSON.stringify(sockets.map(({ url, protocol, sent, closed }) => ({ url, protocol, sent, closed })));

export const socketOpen = (at) => sockets.at(at).dispatchEvent(new Event("open"));

export function socketSay(at, text, binary) {
  const data = binary ? new TextEncoder().encode(text).buffer : text;
  sockets.at(at).dispatchEvent(new MessageEvent("message", { data }));
}

export const socketClose = (at, code, reason) =>
  sockets.at(at).dispatchEvent(new CloseEvent("close", { code, reason }));

// A stand-in for the relay worker.

const workers = [];
let makeWorker = noWorker;

function noWorker() {
  throw new DOMException("blocked", "SecurityError");
}

/** The timer that a test cannot stop. */
const later = globalThis.setTimeout.bind(globalThis);
const TICK = new Uint8Array([4, 0, 0, 0, 0, 0, 0, 0, 0]);

class FakeWorker {
  said = [];
  wakes = [];
  ended = "";
  constructor(hears) {
    this.hears = hears;
  }
  open(...message) {
    this.said.push(message);
  }
  say(...message) {
    this.said.push(message);
  }
  wake(ms) {
    this.wakes.push(ms);
    clearTimeout(this.ticking);
    this.ticking = later(() => this.hears(TICK), ms);
  }
  end(lastWords) {
    clearTimeout(this.ticking);
    this.ended = lastWords ? "after last words" : "at once";
  }
}

/** From now on a tab that leads gets a stand-in for a worker; a page that may have none throws. */
export function fakeWorkers(refuses) {
  workers.length = 0;
  undo.push(() => (makeWorker = noWorker));
  makeWorker = (hears) => {
    if (refuses) noWorker();
    workers.push(new FakeWorker(hears));
    return workers.at(-1);
  };
}

/** Everything about the workers that were started, as JSON text. */
export const workerCalls = () => JSON.stringify(workers.map(({ said, wakes, ended }) => ({ said, wakes, ended })));

/** Lets a worker say records: a list of [kind, connection, text], in one message. */
export function workerSay(at, records) {
  const bytes = [];
  for (const [kind, conn, text = "", code] of JSON.parse(records)) {
    const body = [...(code ? [code & 255, code >> 8] : []), ...new TextEncoder().encode(text)];
    const number = (n) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
    bytes.push(kind, ...number(conn), ...number(body.length), ...body);
  }
  workers.at(at).hears(new Uint8Array(bytes));
}

export const workerFail = (at) => workers.at(at).hears(new Uint8Array());

/** The timers of the page do not run: it is hidden, and the browser saves power. */
export const stopTimers = () => replace(globalThis, "setTimeout", { value: () => 0 });

/** Waits while they do not. */
export const wait = (ms) => new Promise((done) => later(done, ms));

const fetches = [];

/** From now on requests are stand-ins that wait for an answer. */
export function fakeFetch() {
  fetches.length = 0;
  replace(globalThis, "fetch", { value: fakeRequest });
}

function fakeRequest(url, init) {
  const call = { url, method: init.method, cache: init.cache, credentials: init.credentials, mode: init.mode };
  call.headers = Object.fromEntries(new Headers(init.headers));
  call.body = init.body ?? null;
  const fetch = { call, aborted: false };
  fetches.push(fetch);
  return new Promise((resolve, reject) => {
    Object.assign(fetch, { resolve, reject });
    init.signal.addEventListener("abort", () => {
      fetch.aborted = true;
      const error = new DOMException("aborted", "AbortError");
      reject(error);
      fetch.stream?.error(error);
    });
  });
}

/** Everything about the requests that were made, as JSON text. */
export const fetchCalls = () => JSON.stringify(fetches.map(({ call, aborted }) => ({ ...call, aborted })));

/** Where the newest request for an address that ends so is in the list, or -1. */
export const fetchIndex = (end) => fetches.findLastIndex((fetch) => fetch.call.url.endsWith(end));

export function fetchAnswer(at, status, headers, body) {
  const bodiless = status === 204 || status === 304;
  fetches.at(at).resolve(new Response(bodiless ? null : body, { status, headers: JSON.parse(headers) }));
}

export const fetchFail = (at) => fetches.at(at).reject(new TypeError("network"));

/** Answers by a body that comes bit by bit. */
export function fetchStream(at, status, headers) {
  const body = new ReadableStream({ start: (stream) => void (fetches.at(at).stream = stream) });
  fetches.at(at).resolve(new Response(body, { status, headers: JSON.parse(headers) }));
}

/** Sends some bytes of a text, cut wherever. */
export const fetchPush = (at, text, from, to) =>
  fetches.at(at).stream.enqueue(new TextEncoder().encode(text).slice(from, to));

export const fetchPushBytes = (at, count) => fetches.at(at).stream.enqueue(new Uint8Array(count));

export const fetchEnd = (at) => fetches.at(at).stream.close();

// Stand-ins for what a browser lacks or refuses.

const undo = [];

function replace(object, name, property) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  undo.push(() => (before ? Object.defineProperty(object, name, before) : delete object[name]));
  if ("value" in property) property.writable = true;
  Object.defineProperty(object, name, { configurable: true, ...property });
}

/** Puts everything back that was replaced. */
export function restore() {
  for (const step of undo.splice(0).reverse()) step();
}

/** A browser without this. `of` is "window" or "navigator". */
export const lack = (of, name) =>
  replace(of === "navigator" ? navigator : globalThis, name, { value: undefined });

/** Merely touching the storage throws, as where cookies are blocked. */
export function blockStorage(name) {
  const get = () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  replace(globalThis, name, { get });
  // WebKit does not let the window lie about its storage.
  for (const method of ["getItem", "setItem", "removeItem", "key"]) replace(Storage.prototype, method, { value: get });
  replace(Storage.prototype, "length", { get });
}

/** Writing throws this. */
export function refuseWrites(name) {
  const value = () => {
    throw new DOMException("refused", name);
  };
  replace(Storage.prototype, "setItem", { value });
}

/** The page looks hidden, or seen. */
export function show(visible) {
  const state = visible ? "visible" : "hidden";
  replace(document, "visibilityState", { get: () => state });
  replace(document, "hidden", { get: () => !visible });
  document.dispatchEvent(new Event("visibilitychange"));
}

// The storage.

export const storeSet = (key, value) => localStorage.setItem(key, value);
export const storeKeys = () => Object.keys(localStorage).sort().join("\n");
export const storeGet = (key) => localStorage.getItem(key) ?? undefined;
export const sessionKeys = () => Object.keys(sessionStorage).sort().join("\n");
export const clearStores = () => (localStorage.clear(), sessionStorage.clear());

/** Fills the storage until not one character more goes in; gives how many went in. */
export function fillStore() {
  let size = 1 << 22;
  let filled = "";
  for (; size >= 1; size >>= 1) {
    for (;;) {
      try {
        localStorage.setItem("filler", filled + "x".repeat(size));
        filled += "x".repeat(size);
      } catch {
        break;
      }
    }
  }
  return filled.length;
}

/** Another document of this origin: what it does to the storage is told to this page. */
export function otherDocument() {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  return frame;
}

export const otherSets = (frame, key, value) => frame.contentWindow.localStorage.setItem(key, value);
export const otherClears = (frame) => frame.contentWindow.localStorage.clear();
export const removeFrame = (frame) => frame.remove();

// What is left behind.

/** From now on it is counted what is taken from the browser and given back. */
export function watchLeaks() {
  const alive = { listeners: 0, timers: 0, sockets: 0, channels: 0, requests: 0 };
  leaks = alive;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const known = new Map();
  replace(EventTarget.prototype, "addEventListener", {
    value(name, listener, ...rest) {
      // A socket or a channel that is gone takes its listeners along; those of the page stay.
      if (this === window || this === document) known.set(listener, (alive.listeners++, name));
      return addEventListener.call(this, name, listener, ...rest);
    },
  });
  replace(EventTarget.prototype, "removeEventListener", {
    value(name, listener, ...rest) {
      if (known.delete(listener)) alive.listeners--;
      return removeEventListener.call(this, name, listener, ...rest);
    },
  });
  const timers = new Set();
  const { setTimeout, clearTimeout, fetch, WebSocket, BroadcastChannel } = globalThis;
  replace(globalThis, "setTimeout", {
    value(call, ms) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        alive.timers = timers.size;
        call();
      }, ms);
      // The tests themselves wait by timers of up to 50 ms; an instance's are for later.
      if (ms > 50) timers.add(timer);
      alive.timers = timers.size;
      return timer;
    },
  });
  replace(globalThis, "clearTimeout", {
    value(timer) {
      timers.delete(timer);
      alive.timers = timers.size;
      clearTimeout(timer);
    },
  });
  const counted = (Class, name) =>
    class extends Class {
      constructor(...args) {
        super(...args);
        alive[name]++;
      }
      close(...args) {
        alive[name]--;
        super.close(...args);
      }
    };
  replace(globalThis, "WebSocket", { value: counted(WebSocket, "sockets") });
  replace(globalThis, "BroadcastChannel", { value: counted(BroadcastChannel, "channels") });
  replace(globalThis, "fetch", {
    value(...args) {
      alive.requests++;
      return fetch(...args).finally(() => alive.requests--);
    },
  });
}

let leaks = {};

/** What is not given back, in words; nothing if all is. */
export const leftBehind = () =>
  Object.entries(leaks)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
