/*
 * The relay worker: holds the socket and a timer for the tab that leads, and decides nothing.
 *
 * A hidden page's timers run once a minute, a worker's go on. A page pays some 70 microseconds for each
 * message of a socket of its own; here they are merged: at once when it is quiet, one message a frame when
 * it is busy.
 *
 * The page says
 *   [conn, url, protocol]  open a socket, with a subprotocol if it is not empty
 *   [conn, text]           send on it
 *   [conn, ""]             close it
 *   ms                     tick after so many milliseconds, instead of what was said before
 *   [ms]                   the same for the page's own timers, of which the engine knows nothing
 *   null                   close everything and end
 * and hears records in one buffer, as src/wire/relay.rs reads them. A tick for the page's own timers is null.
 */

type FromPage =
  | readonly [conn: number, url: string, protocol: string]
  | readonly [conn: number, text: string]
  | readonly [ms: number]
  | number
  | null;

/** What a worker has, and the page's own types do not say. */
declare const self: {
  onmessage: ((event: { data: FromPage }) => void) | null;
  postMessage(message: ArrayBuffer, transfer: readonly ArrayBuffer[]): void;
  postMessage(message: null): void;
  close(): void;
};

const VERSION = 2;
const READY = 0;
const OPENED = 1;
const FRAME = 2;
const CLOSED = 3;
const TICK = 4;
const BYTES = 5;

const HEAD = 9;
/** A screen shows nothing more often. */
const FRAME_MS = 16;
/** The page reads so much in a few milliseconds and can do something else before the next, and a flood does not fill the memory here. */
const BATCH_MAX = 1 << 16;
const BUFFER = 1 << 16;
/** No code for "closed without one": what browsers say when they cannot say. */
const ABNORMAL = 1006;

const sockets = new Map<number, WebSocket>();
const encoder = new TextEncoder();
let buffer = new Uint8Array(BUFFER);
let used = 0;
let flushed = 0;
let flushing: number | undefined;
let ticking: number | undefined;
let ticksPage: number | undefined;

/** Makes room for a record whose body is at most so long. */
function reserve(bytes: number): void {
  if (used + HEAD + bytes <= buffer.length) return;
  const larger = new Uint8Array(Math.max(buffer.length * 2, used + HEAD + bytes));
  larger.set(buffer.subarray(0, used));
  buffer = larger;
}

/** Ends a record whose body was written already. */
function put(kind: number, conn: number, length: number): void {
  const head = new DataView(buffer.buffer, used, HEAD);
  head.setUint8(0, kind);
  head.setUint32(1, conn, true);
  head.setUint32(5, length, true);
  used += HEAD + length;
}

function putText(kind: number, conn: number, text: string, code?: number): void {
  const before = code === undefined ? 0 : 2;
  reserve(before + text.length * 3);
  const start = used + HEAD;
  if (code !== undefined) new DataView(buffer.buffer).setUint16(start, code, true);
  const { written } = encoder.encodeInto(text, buffer.subarray(start + before));
  put(kind, conn, before + written);
}

function putFrame(conn: number, data: string | ArrayBuffer): void {
  if (typeof data === "string") return putText(FRAME, conn, data);
  reserve(data.byteLength);
  buffer.set(new Uint8Array(data), used + HEAD);
  put(BYTES, conn, data.byteLength);
}

/** Hands over what there is. What is urgent waits for nothing, but does not go ahead of what came before it. */
function flush(): void {
  clearTimeout(flushing);
  flushing = undefined;
  flushed = performance.now();
  const batch = buffer.slice(0, used).buffer;
  used = 0;
  // What one huge frame took is not kept.
  if (buffer.length > 2 * BATCH_MAX) buffer = new Uint8Array(BUFFER);
  self.postMessage(batch, [batch]);
}

function tell(kind: number, conn: number): void {
  reserve(0);
  put(kind, conn, 0);
  flush();
}

function open(conn: number, url: string, protocol: string): void {
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, protocol === "" ? [] : protocol);
  } catch (error) {
    putText(CLOSED, conn, String(error), ABNORMAL);
    return flush();
  }
  sockets.set(conn, socket);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => tell(OPENED, conn);
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    putFrame(conn, data);
    const quiet = performance.now() - flushed;
    if (quiet >= FRAME_MS || used > BATCH_MAX) flush();
    else flushing ??= setTimeout(flush, FRAME_MS - quiet);
  };
  socket.onclose = ({ code, reason }) => {
    sockets.delete(conn);
    putText(CLOSED, conn, reason, code);
    flush();
  };
}

function close(conn: number): void {
  const socket = sockets.get(conn);
  if (socket === undefined) return;
  sockets.delete(conn);
  // Nobody wants to hear what it still says.
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close(1000);
}

self.onmessage = ({ data }) => {
  if (data === null) {
    for (const conn of sockets.keys()) close(conn);
    self.close();
  } else if (typeof data === "number") {
    clearTimeout(ticking);
    ticking = setTimeout(() => tell(TICK, 0), data);
  } else if (data.length === 1) {
    clearTimeout(ticksPage);
    ticksPage = setTimeout(() => self.postMessage(null), data[0]);
  } else if (data.length === 3) {
    open(...data);
  } else {
    const [conn, text] = data;
    const socket = sockets.get(conn);
    if (text === "") close(conn);
    // One that is closing swallows it; its end is told.
    else if (socket !== undefined && socket.readyState > 0) socket.send(text);
  }
};

tell(READY, VERSION);
