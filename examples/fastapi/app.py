"""A server of fresh.v1 (docs/protocol.md): its core, with events in memory."""

import asyncio
import json
import os
import secrets
import time
from collections import defaultdict, deque
from types import SimpleNamespace

from fastapi import Body, FastAPI, HTTPException, WebSocket

PROTOCOL, FRAME_MAX, MISSED_MAX, SUBS_MAX, KEPT = "fresh.v1", 2**16, 2**20 - 4096, 50, 500
PING, HELLO = (int(os.environ.get(name, ms)) / 1000 for name, ms in (("PING_MS", 25_000), ("HELLO_MS", 10_000)))
EPOCH = secrets.token_urlsafe(9)  # Another one each start: what was in memory is lost, and so are the numbers.
app = FastAPI()
channels = defaultdict(lambda: SimpleNamespace(last=0, kept=deque(maxlen=KEPT), pages=set()))


class End(Exception):  # The connection is to end, with an error that says why, if any, and a close code.
    def __init__(self, code, close=4400, msg=""):
        self.error, self.close = code and {"t": "err", "code": code, "msg": msg or code}, close


def is_name(text, most):
    strange = any(c < "\x20" or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text)
    return not strange and 1 <= len(text.encode()) <= most


def field(message, name, kind):
    value = message.get(name) if type(message) is dict else None
    if type(value) is not kind or (kind is int and not 0 <= value < 2**53):
        raise End("bad_request", msg=f"`{name}` is missing or not what it should be")
    return value


class Page:
    """One connection. What it is told waits in a queue, so that a slow one holds up nobody."""

    def __init__(self, ws):
        self.ws, self.waiting, self.subs, self.client = ws, asyncio.Queue(KEPT * 4), set(), None
        self.unheard, self.over = 0, False

    def tell(self, message):
        if self.over:
            return
        if self.waiting.full():  # All that waits is dropped: a stream with holes would be worse than none.
            self.waiting, message = asyncio.Queue(), End(None, 4430)
        self.over = isinstance(message, End)
        self.waiting.put_nowait(message)

    async def write(self):
        while not isinstance(message := await self.waiting.get(), End):
            await self.ws.send_text(json.dumps(message))
        if message.error:
            await self.ws.send_text(json.dumps(message.error))
        await self.ws.close(message.close)

    async def watch(self):
        await asyncio.sleep(HELLO)
        n = 0
        while self.client and self.unheard < 2:
            n, self.unheard = n + 1, self.unheard + 1
            self.tell({"t": "ping", "n": n})
            await asyncio.sleep(PING)
        self.tell(End(None, 4408))

    async def read(self):
        while (came := await self.ws.receive())["type"] != "websocket.disconnect":
            self.unheard = 0
            try:
                if (frame := came.get("text")) is None or len(frame.encode()) > FRAME_MAX:
                    raise End("bad_request", msg="a frame is text") if frame is None else End("too_large", 4413)
                for part in filter(str.strip, () if self.over else frame.split("\n")):
                    self.hear(json.loads(part))
            except End as end:
                self.tell(end)
            except (ValueError, RecursionError):
                self.tell(End("bad_request", msg="a message is JSON"))

    def hear(self, message):
        kind = field(message, "t", str)
        if kind == "hello":
            version, client = field(message, "v", int), field(message, "client", str)
            if version != 1:
                raise End("unsupported", 4406)
            if self.client or not 1 <= len(client) <= 64 or not all("!" <= c <= "~" for c in client):
                raise End("bad_request", msg="a second `hello`, or a bad client id")
            self.client, about = client, {"session": secrets.token_urlsafe(12), "now": time.time_ns() // 10**6}
            self.tell({"t": "welcome", "v": 1, "ping": int(PING * 1000), **about})
        elif kind in ("sub", "unsub", "mut", "ping", "pong") and self.client is None:
            raise End("bad_request", msg="the first message is `hello`")
        elif kind == "ping":
            self.tell({"t": "pong", "n": field(message, "n", int)})
        elif kind == "mut":
            about = {"id": field(message, "id", int), "retry": False}
            self.tell({"t": "err", **about, "code": "unsupported", "msg": "no writes here"})
        elif kind in ("sub", "unsub"):
            about = {"id": field(message, "id", int), "ch": field(message, "ch", str)}
            if not is_name(about["ch"], 255):
                self.tell({"t": "err", **about, "code": "bad_request", "msg": "a bad channel name"})
            elif kind == "sub":
                self.sub(about, message.get("pos"))
            else:
                self.subs.discard(about["ch"])
                channels[about["ch"]].pages.discard(self)
                self.tell({"t": "unsubd", **about})

    def sub(self, about, pos):
        if about["ch"] not in self.subs and len(self.subs) == SUBS_MAX:
            return self.tell({"t": "err", **about, "code": "too_many_subs", "msg": f"at most {SUBS_MAX}"})
        channel, missed, recovered = channels[about["ch"]], [], None
        if pos is not None:  # Who saw all but what is kept gets the rest, if it fits in a frame.
            epoch, seen = field(pos, "e", str), field(pos, "s", int)
            recovered = epoch == EPOCH and channel.last - len(channel.kept) <= seen <= channel.last
            missed = [event for event in channel.kept if recovered and event["s"] > seen]
            if len(json.dumps(missed)) > MISSED_MAX:
                missed, recovered = [], False
        self.subs.add(about["ch"])
        channel.pages.add(self)
        about["pos"] = {"e": EPOCH, "s": channel.last}
        self.tell({"t": "subd", **about, "recovered": recovered, "missed": missed})


@app.websocket("/live")
async def live(ws: WebSocket):
    offered = ws.scope["subprotocols"]
    # Accepted first and refused then: a page cannot tell a handshake that failed from a dead network.
    await ws.accept(subprotocol=PROTOCOL if PROTOCOL in offered else next(iter(offered), None))
    page = Page(ws)
    if PROTOCOL not in offered:
        page.tell(End("unsupported", 4406))
    watch, write = asyncio.create_task(page.watch()), asyncio.create_task(page.write())
    await page.read()
    watch.cancel(), write.cancel()
    for name in page.subs:
        channels[name].pages.discard(page)


@app.post("/publish")
async def publish(channel: str = Body(), name: str = Body(), data=Body(None)):
    if not (is_name(channel, 255) and is_name(name, 64)):
        raise HTTPException(400, "`channel` or `name` is no name")
    to = channels[channel]
    to.last += 1  # A real server takes the number in the transaction of the write that the event tells of.
    to.kept.append({"t": "ev", "ch": channel, "s": to.last, "name": name, "data": data, "at": time.time_ns() // 10**6})
    for page in to.pages:
        page.tell(to.kept[-1])
    return {"channel": channel, "e": EPOCH, "s": to.last}
