// Stands before a server and spoils what it says, and what it is asked, so that the suite has something to find.

import { once } from "node:events";
import { createServer } from "node:http";

import WebSocket, { WebSocketServer } from "ws";

const same = (it) => it;

/**
 * - `spoil` gets a message of the server, and all that it said before on this connection; it returns what is said instead.
 * - `close` does the same to the code of a close.
 * - `say` gets a frame of the page, or the body of a request, and returns what the server hears instead.
 * - `ask` gets a request as `{ method, path, headers }` and may change its headers.
 * - `answer` gets `{ method, path, status, type, headers, text }` of an answer, and may change it. A stream has no text yet.
 */
export async function spoiled(live, { spoil = (message) => [message], close = same, say = same, ask = same, answer = same }) {
  const origin = live.replace(/^ws/, "http").replace(/\/live$/, "");
  const http = createServer((request, response) => {
    carry(origin, request, response, { spoil, say, ask, answer }).catch(() => response.destroy());
  });
  const handleProtocols = (offered) => (offered.has("fresh.v1") ? "fresh.v1" : [...offered][0]);
  const server = new WebSocketServer({ server: http, path: "/live", handleProtocols });
  server.on("connection", (page) => {
    const link = new WebSocket(live, page.protocol ? [page.protocol] : []);
    const said = [];
    const early = [];
    const heard = (data, isBinary) => (isBinary ? data : say(data.toString()));
    page.on("message", (data, isBinary) => {
      if (link.readyState === WebSocket.OPEN) link.send(heard(data, isBinary), { binary: isBinary });
      else early.push([data, isBinary]);
    });
    link.on("open", () => early.forEach(([data, isBinary]) => link.send(heard(data, isBinary), { binary: isBinary })));
    link.on("message", (data) => lines(data.toString(), spoil, said).forEach((line) => page.send(line)));
    for (const end of [page, link]) end.on("error", () => {});
    link.on("close", (code) => (code === 1006 || code === 1005 ? page.terminate() : page.close(close(code))));
    page.on("close", () => link.terminate());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const at = `127.0.0.1:${http.address().port}`;
  const stop = () => {
    for (const page of server.clients) page.terminate();
    http.close();
    http.closeAllConnections();
  };
  return { live: `ws://${at}/live`, origin: `http://${at}`, stop };
}

/** The messages of a frame as they are to be said. */
function lines(frame, spoil, said) {
  return frame.split("\n").flatMap((line) => {
    const message = JSON.parse(line);
    const instead = spoil(message, said);
    said.push(message);
    return instead.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  });
}

/** What a request says on its way, and what comes back. */
async function carry(origin, request, response, { spoil, say, ask, answer }) {
  const chunks = [];
  for await (const bytes of request) chunks.push(bytes);
  const { host, connection, "content-length": length, ...headers } = request.headers;
  const asked = { method: request.method, path: request.url, headers };
  ask(asked);
  const init = { method: asked.method, headers: asked.headers, redirect: "manual" };
  if (chunks.length > 0) init.body = say(Buffer.concat(chunks).toString());
  const going = new AbortController();
  response.on("close", () => going.abort());
  const came = await fetch(origin + asked.path, { ...init, signal: going.signal });
  const type = came.headers.get("content-type") ?? "";
  const kept = ["etag", "retry-after"].filter((name) => came.headers.has(name));
  const given = { ...asked, status: came.status, type, headers: Object.fromEntries(kept.map((name) => [name, came.headers.get(name)])) };
  const streams = type.startsWith("text/event-stream");
  if (!streams) given.text = await came.text();
  if (type.startsWith("application/x-ndjson") && given.text) given.text = lines(given.text.trim(), spoil, []).join("\n");
  answer(given);
  response.writeHead(given.status, { ...(given.type && { "content-type": given.type }), ...given.headers });
  if (streams) await stream(came.body, response, spoil);
  response.end(given.text);
}

async function stream(body, response, spoil) {
  const [decoder, said] = [new TextDecoder(), []];
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      const instead = data.length > 0 ? lines(data.join("\n"), spoil, said) : [];
      if (data.length === 0) response.write(`${event}\n\n`);
      else if (instead.length > 0) response.write(`${instead.map((line) => `data: ${line.replaceAll("\n", "\ndata: ")}\n`).join("")}\n`);
    }
  }
}
