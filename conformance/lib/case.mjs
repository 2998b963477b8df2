// What a case gets to work with.

import { isDeepStrictEqual } from "node:util";
import { randomBytes } from "node:crypto";

import { Fault, Page } from "./page.mjs";

/** What is compared may be hundreds of events long. */
function short(value) {
  const text = String(JSON.stringify(value));
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text;
}

/** The case cannot be run here, and why. */
export class Skip extends Error {}

export class Case {
  story = [];
  #pages = [];
  #count = 0;
  #mark = randomBytes(5).toString("hex");

  constructor(options, way) {
    this.options = options;
    this.way = way;
  }

  /** A page that says nothing by itself. */
  dial(more = {}) {
    const { url, patience } = this.options;
    const name = `page ${this.#pages.length + 1}`;
    const page = new Page({ way: this.way, url, patience, story: this.story, name, ...more });
    this.#pages.push(page);
    return page;
  }

  /** A page that says `hello`, and what else is to be said in the same frame. */
  hello(more = {}, { also = [], ...dial } = {}) {
    const { token } = this.options;
    const hello = { t: "hello", v: 1, client: this.client(), ...(token && { token }), ...more };
    return this.dial({ first: [hello, ...also].map((message) => JSON.stringify(message)).join("\n"), ...dial });
  }

  /** A page that was welcomed. */
  async page(more, dial) {
    const page = this.hello(more, dial);
    page.welcome = await page.hear();
    this.same(page.welcome.t, "welcome", "the answer to `hello`");
    return page;
  }

  /** A page that was welcomed by a server which can do this. */
  async pageWhere(can, more) {
    const page = await this.page(more);
    if (!page.welcome.can?.includes(can)) throw new Skip(`the server's \`can\` has no \`${can}\``);
    return page;
  }

  /** A channel that nothing has happened on. */
  channel() {
    return `${this.options.channels}${this.#mark}-${(this.#count += 1)}`;
  }

  client() {
    return `c-${this.#mark}-${(this.#count += 1)}`;
  }

  /** Lets the server publish an event. */
  async publish(channel, data = {}, name = "changed") {
    await this.hook("publish", { channel, name, data });
  }

  async publishAll(channel, count) {
    for (let n = 1; n <= count; n += 1) await this.publish(channel, { n });
  }

  /** Asks for the server's help. */
  async hook(name, body) {
    const { [name]: url, headers } = this.options;
    if (!url) throw new Skip(`needs --${name} URL`);
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`the hook --${name} answered ${answer.status}: ${text.slice(0, 200)}`);
  }

  /** A request beside the connection, written down like its frames. */
  async request(method, url, headers = {}, body) {
    const all = { ...(body && { "content-type": "application/json" }), ...this.options.headers, ...headers };
    const init = { method, headers: all };
    if (body) init.body = JSON.stringify(body);
    this.story.push({ page: "request", sign: ">", text: `${method} ${url} ${JSON.stringify(headers)} ${init.body ?? ""}` });
    const answer = await fetch(url, init);
    const text = await answer.text();
    this.story.push({ page: "request", sign: "<", text: `${answer.status} ${text}` });
    return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) };
  }

  need(option) {
    if (!this.options[option]) throw new Skip(`needs --${option}`);
    return this.options[option];
  }

  skip(why) {
    throw new Skip(why);
  }

  same(found, wanted, what) {
    if (!isDeepStrictEqual(found, wanted)) {
      throw new Fault(`${what}: ${short(found)} instead of ${short(wanted)}`);
    }
  }

  /** Whether the message has these members. */
  has(message, wanted, what) {
    const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, message[name]]));
    this.same(found, wanted, what ?? `\`${message.t}\``);
  }

  ok(well, fault) {
    if (!well) throw new Fault(fault);
  }

  /** The connection ends with this error and this close code; returns what came before the error. */
  async refused(page, code, close) {
    const messages = await page.end(close);
    const last = messages.at(-1);
    this.ok(last?.t === "err", `the last message was not an \`err\` but ${JSON.stringify(last)}`);
    this.has(last, { code, id: undefined }, "the `err` before the end");
    return messages.slice(0, -1).filter((message) => message.t !== "ping");
  }

  over() {
    for (const page of this.#pages) page.drop();
  }
}
