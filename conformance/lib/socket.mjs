// The WebSocket.

import WebSocket from "ws";

export class Socket {
  #socket;
  #unsent = [];

  constructor({ url, first, protocols, onText, onEnd }) {
    if (first) this.#unsent.push(first);
    this.#socket = new WebSocket(url.replace(/^http/, "ws"), protocols, { perMessageDeflate: false });
    let broken = "";
    this.#socket.on("open", () => this.#unsent.splice(0).forEach((frame) => this.#socket.send(frame)));
    this.#socket.on("message", (data, isBinary) => onText(isBinary ? "a binary frame" : data.toString()));
    this.#socket.on("error", (error) => (broken = `: ${error.message}`));
    this.#socket.on("close", (code, reason) => onEnd({ code, text: `closed with ${code} ${reason}${broken}`.trim() }));
  }

  get protocol() {
    return this.#socket.protocol;
  }

  send(frame) {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#unsent.push(frame);
    // A socket that has closed meanwhile says so by its end.
    else this.#socket.send(frame, () => {});
  }

  endedAs(code, end) {
    return code === undefined || end.code === code ? undefined : `${end.text} instead of ${code}`;
  }

  drop() {
    this.#socket.terminate();
  }
}
