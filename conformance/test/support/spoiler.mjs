// Stands before a server and spoils what it says, so that the suite has something to find.

import { once } from "node:events";

import WebSocket, { WebSocketServer } from "ws";

/**
 * `spoil` gets a message of the server, and all that it said before on this connection; it returns what is said instead.
 * `close` does the same to the code of a close.
 */
export async function spoiled(live, { spoil = (message) => [message], close = (code) => code }) {
  const handleProtocols = (offered) => (offered.has("fresh.v1") ? "fresh.v1" : [...offered][0]);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/live", handleProtocols });
  server.on("connection", (page) => {
    const link = new WebSocket(live, page.protocol ? [page.protocol] : []);
    const said = [];
    const early = [];
    page.on("message", (data, isBinary) => {
      if (link.readyState === WebSocket.OPEN) link.send(data, { binary: isBinary });
      else early.push([data, isBinary]);
    });
    link.on("open", () => early.forEach(([data, isBinary]) => link.send(data, { binary: isBinary })));
    link.on("message", (data) => {
      for (const line of data.toString().split("\n")) {
        const message = JSON.parse(line);
        for (const instead of spoil(message, said)) page.send(typeof instead === "string" ? instead : JSON.stringify(instead));
        said.push(message);
      }
    });
    for (const end of [page, link]) end.on("error", () => {});
    link.on("close", (code) => (code === 1006 || code === 1005 ? page.terminate() : page.close(close(code))));
    page.on("close", () => link.terminate());
  });
  await once(server, "listening");
  const stop = () => {
    for (const page of server.clients) page.terminate();
    server.close();
  };
  return { live: `ws://127.0.0.1:${server.address().port}/live`, stop };
}
