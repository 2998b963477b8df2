// The two ways without a socket: a stream of server-sent events, and one poll after the other.

const TYPE = "application/x-ndjson";

/** With what a request is answered where a socket would have been closed. */
const STATUS = { 4400: 400, 4401: 401, 4403: 403, 4406: 406, 4413: 413, 4429: 429, 4503: 503 };
const OVER = [404, 410];

export function knock(url, door, body, options = {}) {
  const headers = { "content-type": TYPE };
  return fetch(`${url.replace(/^ws/, "http")}/${door}`, { method: "POST", headers, body, ...options });
}

class Carried {
  url;
  onText;
  onEnd;
  session;
  going = new AbortController();
  #turn;
  #known;

  constructor({ url, first, onText, onEnd }) {
    Object.assign(this, { url, onEnd });
    // What is said before `welcome` came waits for it, for it gives the connection its name.
    this.#turn = new Promise((resolve) => (this.#known = resolve));
    this.onText = (text) => {
      this.session ??= /"session":"([^"]+)"/.exec(text)?.[1];
      onText(text);
      this.#known();
    };
    this.read(first).catch((error) => {
      if (!this.going.signal.aborted) this.over({ text: `broken: ${error.cause?.message ?? error.message}` });
    });
  }

  over(end) {
    this.#known();
    this.onEnd(end);
  }

  /** Requests that say something go out one after the other. */
  send(frame) {
    this.#turn = this.#turn.then(() => this.#send(frame)).catch(() => {});
  }

  async #send(frame) {
    const answer = await knock(this.url, "send", `${this.from()}\n${frame}`, { signal: this.going.signal });
    this.refused = answer.status === 204 ? undefined : answer.status;
  }

  from() {
    return JSON.stringify({ t: "from", session: this.session });
  }

  /** Tells what is wrong with how it ended. */
  async endedAs(code, end) {
    if (code === undefined) return undefined;
    const fit = [STATUS[code], ...OVER];
    if (end.status !== undefined && end.status !== 200) {
      return fit.includes(end.status) ? undefined : `answered ${end.status} instead of ${fit.join(", ")}`;
    }
    if (this.session === undefined) return undefined;
    const { status } = await knock(this.url, "send", this.from());
    return fit.includes(status) ? undefined : `a request after the end was answered ${status} instead of ${fit.join(", ")}`;
  }

  drop() {
    this.going.abort();
  }
}

export class Stream extends Carried {
  async read(first) {
    const answer = await knock(this.url, "sse", first, { signal: this.going.signal });
    const type = answer.headers.get("content-type") ?? "";
    if (answer.status === 200 && !type.startsWith("text/event-stream")) throw new Error(`a stream of type ${type}`);
    if (answer.status !== 200) return this.over(await refusal(answer, this.onText));
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of answer.body) {
      text += decoder.decode(bytes, { stream: true }).replaceAll("\r", "");
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        if (data.length > 0) this.onText(data.join("\n"));
      }
    }
    this.over({ status: 200, text: "the stream ended" });
  }
}

export class Poll extends Carried {
  async read(first) {
    let body = first;
    for (;;) {
      const answer = await knock(this.url, "poll", body, { signal: this.going.signal });
      if (answer.status !== 200 && answer.status !== 204) return this.over(await refusal(answer, this.onText));
      const text = await answer.text();
      if (text !== "") this.onText(text);
      if (this.session === undefined) return this.over({ status: 200, text: "answered without a session" });
      body = this.from();
    }
  }
}

/** A refusal may come with the messages that say why. */
async function refusal(answer, onText) {
  const type = answer.headers.get("content-type") ?? "";
  const text = await answer.text();
  if (type.startsWith(TYPE) && text.trim() !== "") onText(text);
  return { status: answer.status, text: `answered ${answer.status}` };
}
