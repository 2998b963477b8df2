// A server that takes sockets, checks a token and sends JSON, at the other end of every socket of the page.
let current;

export const server = {
  url: "",
  said: [],
  tokens: [],
  tell: (frame) => current?.hear(frame),
  cut: () => current?.end(1006),
};

globalThis.WebSocket = class extends EventTarget {
  readyState = 0;

  constructor(url) {
    super();
    server.url = String(url);
    setTimeout(() => {
      current = this;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
    }, 10);
  }

  send(text) {
    server.said.push(text);
    setTimeout(() => this.#answer(text), 10);
  }

  #answer(text) {
    if (text === "ping") return this.hear("pong");
    const { type, token, channel } = JSON.parse(text);
    if (type === "subscribe") return this.hear(JSON.stringify({ type: "subscribed", channel }));
    if (type !== "auth") return;
    if (server.tokens.length > 0 && !server.tokens.includes(token)) this.end(4401);
    else this.hear('{"type":"welcome"}');
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
