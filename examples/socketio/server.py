"""The same as server.mjs, by python-socketio: PORT=4701 SOURCE=http://127.0.0.1:4321 python server.py"""

import asyncio
import json
import os
import time
from uuid import uuid4

import socketio
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PORT = int(os.environ.get("PORT", "4701"))
SOURCE = os.environ.get("SOURCE", "http://127.0.0.1:4321")
AGAIN_S = 0.5

io = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=5, ping_timeout=5)
sids = set()
# What a lab does to it: until then it takes nobody; and it says nothing.
lab = {"away": 0.0, "mute": False}


@io.on("connect")
async def came(sid, environ, auth):
    sids.add(sid)


@io.event
async def disconnect(sid, *reason):
    sids.discard(sid)


async def follow():
    """Follows the channels `tasks` and `calendar` of a server of fresh.v1, and tells their events on."""
    places, client = {"tasks": None, "calendar": None}, str(uuid4())

    async def hear(channel, event):
        place = places[channel]
        if place is not None and event["s"] <= place["s"]:
            return
        places[channel] = {"e": place["e"] if place else "", "s": event["s"]}
        if not lab["mute"]:
            await io.emit(event["name"], event["data"])

    while True:
        try:
            async with connect(SOURCE.replace("http", "ws", 1) + "/live", subprotocols=["fresh.v1"]) as socket:
                await socket.send(json.dumps({"t": "hello", "v": 1, "client": client, "token": "demo:gateway"}))
                for number, (channel, place) in enumerate(places.items()):
                    ask = {"t": "sub", "id": number, "ch": channel, **({"pos": place} if place else {})}
                    await socket.send(json.dumps(ask))
                async for frame in socket:
                    for message in (json.loads(line) for line in frame.split("\n") if line.strip()):
                        if message["t"] == "ping":
                            await socket.send(json.dumps({"t": "pong", "n": message["n"]}))
                        elif message["t"] == "ev":
                            await hear(message["ch"], message)
                        elif message["t"] == "subd":
                            channel = message["ch"]
                            if places[channel] is None or message.get("recovered") is False:
                                places[channel] = message["pos"]
                            for event in message.get("missed") or []:
                                await hear(channel, event)
        except (OSError, WebSocketException):
            pass
        await asyncio.sleep(AGAIN_S)


async def doors(scope, receive, send):
    if scope["type"] != "http":
        return
    asked, more = b"", True
    while more:
        message = await receive()
        asked, more = asked + message.get("body", b""), message.get("more_body", False)
    asked = json.loads(asked or b"{}")
    if scope["path"] == "/lab/away":
        lab["away"] = time.monotonic() + asked["ms"] / 1000
        for sid in list(sids):
            await io.disconnect(sid)
    elif scope["path"] == "/lab/mute":
        lab["mute"] = asked["on"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class App(socketio.ASGIApp):
    async def __call__(self, scope, receive, send):
        if time.monotonic() >= lab["away"] or scope["type"] == "lifespan":
            return await super().__call__(scope, receive, send)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 503, "headers": []})
            return await send({"type": "http.response.body", "body": b""})
        return await send({"type": "websocket.close"})


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"listening on http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)
        self.following = asyncio.create_task(follow())


asyncio.run(Server(uvicorn.Config(App(io, doors), host="127.0.0.1", port=PORT, log_level="warning")).serve())
