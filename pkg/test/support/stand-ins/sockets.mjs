// What the servers among the stand-ins are made with: they are at the other end of every socket of the page.

/** How long it takes until a socket is open, and until the server has heard what the page says. */
const DELAY_MS = 10;

/**
 * Takes the page's sockets from now on.
 *
 * @param takes is called with each text that the page says, and with its socket, which can `hear` and `end`
 * @param opens is called with each socket when it is open
 * @param at the addresses that it takes where there is another server of these; all where it is the only one
 * @returns what every server has: `url`, where the last socket went, `tell`, which says a frame, and `cut`, which
 *   breaks the connection
 */
export function serve({ takes, opens = () => {}, at = /^/ }) {
  let current;
  const Other = globalThis.WebSocket?.isStandIn ? globalThis.WebSocket : undefined;
  const server = { url: "", tell: (frame) => current?.hear(frame), cut: () => current?.end(1006) };
  globalThis.WebSocket = class extends EventTarget {
    static isStandIn = true;
    readyState = 0;

    constructor(url) {
      super();
      if (Other && !at.test(url)) return new Other(url);
      server.url = String(url);
      setTimeout(() => {
        current = this;
        this.readyState = 1;
        this.dispatchEvent(new Event("open"));
        opens(this);
      }, DELAY_MS);
    }

    send(text) {
      setTimeout(() => takes(text, this), DELAY_MS);
    }

    close() {
      this.readyState = 3;
    }

    hear(data) {
      if (this.readyState === 1) this.dispatchEvent(Object.assign(new Event("message"), { data }));
    }

    end(code) {
      this.close();
      this.dispatchEvent(Object.assign(new Event("close"), { code, reason: "", wasClean: code !== 1006 }));
    }
  };
  return server;
}
