// The other side: socket.io as its documentation says that it is fastest (docs v4, "Performance tuning" and "Memory usage"),
// with `POST /publish` for a backend. Its history (connectionStateRecovery) is off, as it is by default.

import { createServer } from "node:http";

import { Server } from "socket.io";

// A backend's connection is not closed either because its requests had to wait.
const http = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  // A server that cannot keep up would cut its pages, and nothing would be left to be measured.
  pingInterval: 300_000,
  pingTimeout: 300_000,
});

// "Discard the initial HTTP request": by default each connection keeps it for ever.
io.engine.on("connection", (raw) => {
  raw.request = null;
});

io.on("connection", (socket) => {
  socket.on("sub", (room, done) => {
    socket.join(room);
    done();
  });
});

http.on("request", (request, response) => {
  if (request.method !== "POST" || request.url !== "/publish") return;
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text) => (body += text));
  request.on("end", () => {
    const { channel, name, data } = JSON.parse(body);
    io.to(channel).emit(name, data);
    response.writeHead(200, { "content-type": "application/json" }).end('{"ok":true}');
  });
});

http.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
