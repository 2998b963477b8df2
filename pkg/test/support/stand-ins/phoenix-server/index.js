// A server of Phoenix channels at the other end of every socket of the page, as much of it as the samples use.
let current;

export const server = {
  url: "",
  said: [],
  answer: ["ok", {}],
  tell: (topic, event, payload) => current?.hear([null, null, topic, event, payload]),
  cut: () => current?.end(),
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
    const [join, ref, topic, event, payload] = JSON.parse(text);
    if (event !== "heartbeat") server.said.push([topic, event, payload]);
    if (event === "access_token") return;
    const [status, response] = event === "phx_join" ? server.answer : ["ok", {}];
    const changes = (payload.config?.postgres_changes ?? []).map((change, id) => ({ id, ...change }));
    const answered = payload.config && status === "ok" ? { postgres_changes: changes, ...response } : response;
    setTimeout(() => this.hear([join, ref, topic, "phx_reply", { status, response: answered }]), 10);
    if (event !== "phx_join" || status !== "ok" || changes.length === 0) return;
    const ready = { extension: "postgres_changes", status: "ok", message: "Subscribed to PostgreSQL" };
    setTimeout(() => this.hear([join, null, topic, "system", ready]), 2000);
  }

  close() {
    this.readyState = 3;
  }

  hear(message) {
    if (this.readyState === 1) this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  end() {
    this.close();
    this.dispatchEvent(Object.assign(new Event("close"), { code: 1006, reason: "", wasClean: false }));
  }
};
