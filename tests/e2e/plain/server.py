"""Servers that have no realtime protocol: JSON over a WebSocket, server-sent events, and tasks with an ETag."""

import asyncio
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect, WebSocketException
from fastapi.staticfiles import StaticFiles
from sse_starlette.sse import EventSourceResponse

WANTED = json.loads(sys.argv[1])
DATA = Path(WANTED["data"])
TOKENS = WANTED.get("tokens")
# Channels that may be had, besides what is said to all.
CHANNELS = ["project:7"]

tasks = json.loads(DATA.read_text()) if DATA.exists() else []
app = FastAPI()
# Sockets, and the channels of each.
here: dict[WebSocket, set[str]] = {}
# Streams: what each has to say.
streams: list[asyncio.Queue] = []
# What was said on streams, with its id.
log: list[dict] = []
connects = 0
said = 0
pings = 0
unchanged = 0


async def tell(message, channel=None):
    global said
    said += 1
    message = {**message, "seq": said}
    event = {"id": str(said), "event": message["type"], "data": json.dumps(message.get("data"))}
    log.append(event)
    for queue in streams:
        queue.put_nowait(event)
    for socket, channels in list(here.items()):
        if channel is None or channel in channels:
            # One that was just cut has its own function, which takes it off the list in a moment.
            with suppress(WebSocketDisconnect):
                await socket.send_json(message if channel is None else {**message, "channel": channel})


@app.websocket("/ws")
async def ws(socket: WebSocket, token: str | None = None):
    global connects, pings
    if WANTED.get("early") and token not in TOKENS:
        raise WebSocketException(code=1008)
    await socket.accept()
    try:
        if TOKENS is not None and not WANTED.get("early"):
            hello = await socket.receive_json()
            if hello.get("token") not in TOKENS:
                return await socket.close(WANTED.get("refuseBy", 4401))
        connects += 1
        here[socket] = set()
        await socket.send_json({"type": "welcome"})
        while True:
            text = await socket.receive_text()
            if text == "ping":
                pings += 1
                if not WANTED.get("mute"):
                    await socket.send_text("pong")
                continue
            asked = json.loads(text)
            channel = asked["channel"]
            if asked["type"] == "unsubscribe":
                here[socket].discard(channel)
            elif channel in CHANNELS:
                here[socket].add(channel)
                await socket.send_json({"type": "subscribed", "channel": channel})
            else:
                await socket.send_json({"type": "denied", "channel": channel, "reason": "private"})
    except WebSocketDisconnect:
        pass
    finally:
        here.pop(socket, None)


@app.get("/events")
async def events(request: Request):
    global connects
    if WANTED.get("answer"):
        page = "<p>Log in</p>" if WANTED["answer"] == 200 else ""
        return Response(page, status_code=WANTED["answer"], media_type="text/html")
    if TOKENS is not None and request.headers.get("authorization", "").removeprefix("Bearer ") not in TOKENS:
        return Response(status_code=401)
    connects += 1
    last = request.headers.get("last-event-id")
    queue = asyncio.Queue()
    streams.append(queue)

    async def follow():
        try:
            yield {"comment": "hello", "retry": 100}
            # A server that was started anew has forgotten.
            if last is not None and int(last) > said:
                yield {"event": "reset", "data": "{}"}
            elif last is not None:
                for event in [event for event in log if int(event["id"]) > int(last)]:
                    yield event
            while True:
                yield await queue.get()
        finally:
            streams.remove(queue)

    return EventSourceResponse(follow(), ping=WANTED.get("pingS", 15), headers={"X-Accel-Buffering": "no"})


@app.get("/api/tasks")
async def list_tasks(request: Request):
    return tagged(request, tasks)


@app.get("/api/counts")
async def count_tasks(request: Request):
    return tagged(request, {"tasks": len(tasks)})


@app.get("/probe/tasks")
async def probe_tasks(request: Request):
    if TOKENS is not None and request.headers.get("authorization", "").removeprefix("Bearer ") not in TOKENS:
        return Response(status_code=401)
    return tagged(request, tasks)


def tagged(request: Request, value):
    global unchanged
    body = json.dumps(value).encode()
    tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == tag:
        unchanged += 1
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@app.post("/api/tasks")
async def add_task(asked: dict):
    tasks.append({"id": len(tasks), "title": asked["title"]})
    DATA.write_text(json.dumps(tasks))
    if not asked.get("silent"):
        await tell({"type": "task_created", "data": {"title": asked["title"]}})
    return {}


@app.post("/demo/emit")
async def emit(asked: dict):
    await tell(asked["message"], asked.get("channel"))
    return {}


@app.post("/demo/skip")
async def skip():
    """Loses a message on the way to everybody."""
    global said
    said += 1
    return {}


@app.get("/demo/stats")
async def stats():
    return {"sockets_open": len(here) + len(streams), "connects": connects, "pings": pings, "unchanged": unchanged}


app.mount("/", StaticFiles(directory=WANTED["www"], html=True))


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"listening on http://127.0.0.1:{port}", flush=True)


config = uvicorn.Config(app, host="127.0.0.1", port=WANTED["port"], log_level="warning")
asyncio.run(Server(config).serve())
