// A page's end of a connection. Every frame that passes is written down, every message is held against the schema,
// every wait has an end.

import { faultsOfServer } from "./schema.mjs";
import { Socket } from "./socket.mjs";
import { Poll, Stream } from "./http.mjs";

/** The server did not do what the protocol says. */
export class Fault extends Error {}

const WAYS = { socket: Socket, sse: Stream, poll: Poll };

export class Page {
  #link;
  #heard = [];
  #waiting = [];
  #end;
  #patience;
  #silent;
  #name;
  #story;

  /** Opens the way to the server. With `first`, these messages go out at once; over HTTP there is no other way. */
  constructor({ way, url, patience, story, name, first = "", protocols = ["fresh.v1"], silent = false }) {
    this.#patience = patience;
    this.#story = story;
    this.#name = name;
    this.#silent = silent;
    if (first) this.#write(">", first);
    this.#link = new WAYS[way]({
      url, first, protocols,
      onText: (text) => this.#take(text),
      onEnd: (end) => {
        this.#write("|", end.text);
        this.#end = end;
        this.#wake();
      },
    });
  }

  /** Says messages, all in one frame. */
  say(...messages) {
    this.raw(messages.map((message) => JSON.stringify(message)).join("\n"));
  }

  /** Says this, whatever it is. */
  raw(frame) {
    this.#write(">", typeof frame === "string" ? frame : `${frame.length} binary bytes`);
    this.#link.send(frame);
  }

  /** The next message. Pings of the server are answered on the way, as a page does. */
  async hear() {
    for (;;) {
      const message = await this.#next();
      if (message === undefined) throw new Fault(`the connection ended (${this.#end.text}) where a message was due`);
      if (message.t !== "ping") return message;
      if (!this.#silent) this.say({ t: "pong", n: message.n });
    }
  }

  /** The next message of a type. What comes before it is passed over. */
  async hearOf(type, wanted = () => true) {
    for (;;) {
      const message = await this.hear();
      if (message.t === type && wanted(message)) return message;
    }
  }

  /** Asks, and returns the answer. */
  ask(message) {
    this.say(message);
    return this.hear();
  }

  async subscribe(channel, pos) {
    const answer = await this.ask({ t: "sub", id: 1, ch: channel, ...(pos && { pos }) });
    if (answer.t !== "subd" || answer.ch !== channel || answer.id !== 1) {
      throw new Fault(`\`sub\` was answered by ${JSON.stringify(answer)}`);
    }
    return answer;
  }

  /** Proves that nothing has come but what was heard: asks, and the answer is the next message. */
  async hearsNothing() {
    const n = 4711;
    const answer = await this.ask({ t: "ping", n });
    if (answer.t !== "pong" || answer.n !== n) throw new Fault(`nothing was due, and this came: ${JSON.stringify(answer)}`);
  }

  /** The server's own pings, as they come. */
  async hearPing() {
    for (;;) {
      const message = await this.#next();
      if (message === undefined) throw new Fault(`the connection ended (${this.#end.text}) where a ping was due`);
      if (message.t === "ping") return message;
    }
  }

  /** All that comes until the end, and that it ends as `code` says. */
  async end(code) {
    const messages = [];
    for (;;) {
      const message = await this.#next();
      if (message === undefined) break;
      messages.push(message);
    }
    const fault = await this.#link.endedAs(code, this.#end);
    if (fault) throw new Fault(fault);
    return messages;
  }

  /** Goes away without a word. */
  drop() {
    this.#link.drop();
  }

  /** The subprotocol that the server chose. */
  get protocol() {
    return this.#link.protocol;
  }

  #take(text) {
    this.#write("<", text);
    for (const line of text.split("\n").filter((part) => part.trim() !== "")) this.#heard.push(line);
    this.#wake();
  }

  async #next() {
    const until = Date.now() + this.#patience;
    while (this.#heard.length === 0 && !this.#end) {
      const left = until - Date.now();
      if (left <= 0) throw new Fault(`nothing came within ${this.#patience} ms`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
    return this.#heard.length > 0 ? read(this.#heard.shift()) : undefined;
  }

  #wake() {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #write(sign, text) {
    this.#story.push({ page: this.#name, sign, text });
  }
}

function read(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    throw new Fault(`a message is JSON on one line, and this is not: ${line.slice(0, 200)}`);
  }
  const faults = faultsOfServer(message);
  if (faults.length > 0) throw new Fault(`a message breaks the schema: ${faults.join("; ")}`);
  return message;
}
