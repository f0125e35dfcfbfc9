"""aiohttp: its own server code, on connections that are held in memory."""

from __future__ import annotations

import asyncio
import http.client
import io
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import aiohttp_session
from aiohttp import web
from drivers.sharing import Built, dressed, reply_of
from neutral import Answer, Ask, Reply, Routes, Seen, View, wants_loop

from segment_integrations.aiohttp import setup
from segment_integrations.client import Analytics

SESSION_KEY = "user_id"
LIMITS = {"max_field_size": 1_000_000, "max_line_size": 1_000_000}
PATTERNS = {"int": r"\d+", "path": ".+"}


def patterned(path: str) -> str:
    """A route as aiohttp writes it, where a convertor is an expression."""
    for name, pattern in PATTERNS.items():
        path = path.replace(f":{name}}}", f":{pattern}}}")
    return path


async def native_response(reply: Reply, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status)
    if reply.chunks is None:
        response = web.Response(body=reply.body or None, status=reply.status)
    response.headers.clear()
    for name, value in reply.headers:
        response.headers.add(name, value)
    if reply.chunks is not None:
        await response.prepare(request)
        for chunk in reply.chunks:
            await response.write(chunk)
    return response


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    async def serve(request: web.Request) -> web.StreamResponse:
        session = await aiohttp_session.get_session(request)
        seen = Seen(request.match_info, session, request)
        if wants_loop(view, is_async=is_async):
            reply = await reply_of(view(seen))
        else:
            reply = await asyncio.to_thread(view, seen)
        return await native_response(reply, request)

    return dressed(serve, view)


def resolve(request: web.Request, user_id: str) -> None:
    """As a middleware of the application leaves a signed-in user."""
    request["user"] = SimpleNamespace(id=user_id)


class Wire(asyncio.Transport):
    """The server's end of a connection, and what it has written to it."""

    def __init__(self, ask: Ask) -> None:
        is_tls = ask.scheme == "https"
        super().__init__({"peername": (ask.peer, 50_000), "sslcontext": is_tls})
        self.written = bytearray()
        self.closed = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()


class App(Built):
    """The app, made anew for each loop: aiohttp ties one to its first."""

    _times = 0

    def made(self, routes: Routes, *, is_async: bool) -> dict[str, Callable[..., Any]]:
        self._runners: dict[asyncio.AbstractEventLoop, web.AppRunner] = {}
        return {
            patterned(path): endpoint(view, is_async=is_async)
            for path, view in routes.items()
        }

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        self._times = 1 + twice

    async def _server(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._runners:
            app = web.Application()
            aiohttp_session.setup(app, aiohttp_session.SimpleCookieStorage())
            for path, serve in self.app.items():
                app.router.add_route("*", path, serve)
            for _ in range(self._times):
                setup(app, self.analytics)
            self._runners[loop] = web.AppRunner(app, access_log=None, **LIMITS)
            await self._runners[loop].setup()
        return self._runners[loop].server

    async def asend(self, ask: Ask) -> Answer:
        wire = Wire(ask)
        protocol = (await self._server())()
        protocol.connection_made(wire)
        target = quote(ask.path, safe="/?&=%+,:;@!$'()*~")
        headers = {"Host": "testserver", **ask.headers, "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{ask.method} {target} HTTP/1.1\r\n{lines}\r\n"
        protocol.data_received(head.encode("latin-1"))
        await asyncio.wait_for(wire.closed.wait(), 30)
        protocol.connection_lost(None)
        return read(bytes(wire.written), ask.method)

    def send(self, ask: Ask) -> Answer:
        return self.send_all([ask])[0]

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        async def gathered() -> list[Answer]:
            answers = await asyncio.gather(*(self.asend(one) for one in asks))
            await self._runners.pop(asyncio.get_running_loop()).cleanup()
            return answers

        return asyncio.run(gathered())


def read(written: bytes, method: str) -> Answer:
    """What the client makes of the bytes; without the date, which has no fellow."""
    stream = cast("Any", SimpleNamespace(makefile=lambda _: io.BytesIO(written)))
    response = http.client.HTTPResponse(stream, method=method)
    response.begin()
    pairs = [(n.lower(), v) for n, v in response.getheaders() if n != "Date"]
    return Answer(response.status, pairs, response.read())
