// A server of Socket.IO at the other end of every socket of the page, as much of it as the samples use.
const PING_MS = 25_000;
let current;

export const server = {
  url: "",
  said: [],
  answer: '40{"sid":"its-name"}',
  tell: (frame) => current?.hear(frame),
  cut: () => current?.end(),
};

globalThis.WebSocket = class extends EventTarget {
  readyState = 0;
  #pings;

  constructor(url) {
    super();
    server.url = String(url);
    setTimeout(() => {
      current = this;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
      this.hear(`0{"sid":"S","upgrades":[],"pingInterval":${PING_MS},"pingTimeout":20000,"maxPayload":1000000}`);
      this.#pings = setInterval(() => this.hear("2"), PING_MS);
    }, 10);
  }

  send(text) {
    if (!text.startsWith("40")) return;
    server.said.push(text);
    setTimeout(() => this.hear(server.answer), 10);
  }

  close() {
    this.readyState = 3;
    clearInterval(this.#pings);
  }

  hear(data) {
    if (this.readyState === 1) this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  end() {
    this.close();
    this.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "", wasClean: false }));
  }
};
