"""The same as server.mjs, by python-socketio."""

import asyncio
import json
import mimetypes
import os
import sys
from pathlib import Path

import socketio
import uvicorn

WANTED = json.loads(sys.argv[1])
DATA, WWW = Path(WANTED["data"]), Path(WANTED["www"])
NAMESPACES = ["/", "/admin"]

tasks = json.loads(DATA.read_text()) if DATA.exists() else []
connects = 0
here = {namespace: set() for namespace in NAMESPACES}

io = socketio.AsyncServer(
    async_mode="asgi",
    namespaces=NAMESPACES,
    ping_interval=WANTED.get("pingMs", 25_000) / 1000,
    ping_timeout=WANTED.get("timeoutMs", 20_000) / 1000,
    transports=WANTED.get("transports", ["polling", "websocket"]),
)


def listen(namespace):
    @io.on("connect", namespace=namespace)
    async def connect(sid, environ, auth):
        global connects
        tokens = WANTED.get("tokens")
        if tokens is not None and (auth or {}).get("token") not in tokens:
            raise socketio.exceptions.ConnectionRefusedError("authentication failed")
        connects += 1
        here[namespace].add(sid)
        # It comes before the answer to the connection.
        await io.emit("authenticated", {"auth": auth}, to=sid, namespace=namespace)

    @io.on("disconnect", namespace=namespace)
    async def disconnect(sid, *reason):
        here[namespace].discard(sid)


for each in NAMESPACES:
    listen(each)


async def add(title, silent=False):
    tasks.append({"id": len(tasks), "title": title})
    DATA.write_text(json.dumps(tasks))
    if not silent:
        await io.emit("task_created", {"title": title})
    return {}


async def emit(name, data=None, namespace="/", bytes=0, ack=False):
    if bytes:
        data = {**(data or {}), "bytes": os.urandom(bytes)}
    if not ack:
        await io.emit(name, data, namespace=namespace)
        return {}
    calls = [io.call(name, data, to=sid, namespace=namespace, timeout=10) for sid in list(here[namespace])]
    return {"acked": len(await asyncio.gather(*calls))}


async def end(namespace):
    for sid in list(here[namespace]):
        await io.disconnect(sid, namespace=namespace)
    return {}


async def answer(method, path, asked):
    if method == "POST":
        return await {"/api/tasks": add, "/demo/emit": emit, "/demo/end": end}[path](**asked)
    if path == "/api/tasks":
        return tasks
    if path == "/api/counts":
        return {"tasks": len(tasks)}
    if path == "/demo/stats":
        return {"sockets_open": len(io.eio.sockets), "connects": connects}
    return WWW / ("index.html" if path == "/" else path.lstrip("/"))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    asked, more = b"", True
    while more:
        message = await receive()
        asked, more = asked + message.get("body", b""), message.get("more_body", False)
    said = await answer(scope["method"], scope["path"], json.loads(asked or b"null"))
    kind, status = "application/json", 200
    if isinstance(said, Path):
        kind = mimetypes.guess_type(said.name)[0] or "text/plain"
        status, body = (200, said.read_bytes()) if said.is_file() else (404, b"")
    else:
        body = json.dumps(said).encode()
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"listening on http://127.0.0.1:{port}", flush=True)


mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/wasm", ".wasm")
config = uvicorn.Config(socketio.ASGIApp(io, app), host="127.0.0.1", port=WANTED["port"], log_level="warning")
asyncio.run(Server(config).serve())
