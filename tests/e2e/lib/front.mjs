// A web server in front of ours that answers differently: with another policy, or for some files otherwise.

import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

/** Passes everything on, sockets too, except where it was told to do otherwise. */
export class Front {
  #server;
  /** The address to give to a browser. */
  url;

  /**
   * @param target the address of the server behind it
   * @param changes `head(headers)` may change the headers of an answer; `answer(url, response)` answers a request
   *   by itself and says so by `true`; `page(html)` may change a page; `route(path)` names the address of another server
   *   for a path
   */
  static async start(target, { head = () => {}, answer = () => false, page, route = () => undefined } = {}) {
    const front = new Front();
    const behind = (path) => new URL(route(path) ?? target);
    front.#server = createServer((asked, response) => {
      if (answer(asked.url, response)) return;
      const { method, url: path, headers } = asked;
      const { hostname, port } = behind(path);
      // What is packed could not be changed.
      if (page) delete headers["accept-encoding"];
      const on = request({ hostname, port, method, path, headers }, (answered) => {
        const changed = { ...answered.headers };
        head(changed);
        if (page && /^text\/html\b/.test(changed["content-type"])) return void send(answered, response, changed, page);
        response.writeHead(answered.statusCode, changed);
        answered.pipe(response);
      });
      on.on("error", () => response.destroy());
      response.on("close", () => on.destroy());
      asked.pipe(on);
    });
    front.#server.on("upgrade", ({ method, url, rawHeaders }, socket, first) => {
      const { hostname, port } = behind(url);
      const up = connect({ host: hostname, port: Number(port) }, () => {
        const lines = rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`));
        up.write(`${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
        up.write(first);
        socket.pipe(up).pipe(socket);
      });
      for (const [one, other] of [[socket, up], [up, socket]]) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
    front.#server.listen(0, "127.0.0.1");
    await once(front.#server, "listening");
    front.url = `http://127.0.0.1:${front.#server.address().port}`;
    return front;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Answers with a page that was changed. */
async function send(answered, response, headers, page) {
  const html = page(await text(answered));
  delete headers["transfer-encoding"];
  delete headers.etag;
  response.writeHead(answered.statusCode, { ...headers, "content-length": Buffer.byteLength(html) });
  response.end(html);
}
