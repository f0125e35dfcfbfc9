"""Litestar, with sync or async handlers."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import httpx
from litestar import HttpMethod, Litestar, Request, route
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.stores.memory import MemoryStore
from litestar.types import ASGIApp
from neutral import ALL_METHODS, Answer, Ask, Reply, Routes, Seen, View, wants_loop

from segment_integrations.client import Analytics
from segment_integrations.litestar import SegmentMiddleware, SegmentPlugin

SESSION_KEY = "user_id"
SESSIONS = MemoryStore()  # of all apps, as a session outlives a process


def typed(path: str) -> str:
    """A route as Litestar writes it, where each parameter has a type."""
    return re.sub(r"{(\w+)}", r"{\1:str}", path)


class Exact(ASGIResponse):
    """A response with the headers that it is given and a length, no more."""

    def __init__(self, reply: Reply, *, is_head: bool) -> None:
        super().__init__(status_code=reply.status, is_head_response=is_head)
        has_body = reply.status not in {204, 304}
        self.body = b"" if is_head or not has_body else reply.body
        length = [("content-length", str(len(reply.body)))] if has_body else []
        self.given = [*length, *reply.headers]

    def encode_headers(self) -> list[tuple[bytes, bytes]]:
        return [(n.lower().encode(), v.encode("latin-1")) for n, v in self.given]


class ExactStream(ASGIStreamingResponse):
    """The same for a stream."""

    def __init__(self, reply: Reply, *, is_head: bool) -> None:
        super().__init__(
            iterator=iter(reply.chunks or ()),
            status_code=reply.status,
            is_head_response=is_head,
        )
        self.given = reply.headers

    encode_headers = Exact.encode_headers  # type: ignore[assignment]


def native_response(reply: Reply, request: Any) -> ASGIApp:
    kind = Exact if reply.chunks is None else ExactStream
    return kind(reply, is_head=request.method == "HEAD")  # type: ignore[return-value]


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    def seen(request: Any) -> Seen:
        return Seen(request.path_params, request.scope["session"], request)

    serve: Callable[..., Any]
    if wants_loop(view, is_async=is_async):

        async def serve(request: Request[Any, Any, Any]) -> ASGIApp:
            reply = view(seen(request))
            reply = await reply if inspect.isawaitable(reply) else reply
            return native_response(reply, request)

    else:

        def serve(request: Request[Any, Any, Any]) -> ASGIApp:
            return native_response(view(seen(request)), request)

    serve.__dict__.update(view.__dict__)
    serve.__name__ = view.__name__
    return serve


def resolve(request: Request[Any, Any, Any], user_id: str) -> None:
    """As an authentication middleware leaves a signed-in user."""
    request.scope["user"] = SimpleNamespace(id=user_id)


class App:
    """The app and its clients."""

    def __init__(
        self,
        routes: Routes,
        *,
        is_async: bool,
        analytics: Analytics | None,
        twice: bool = False,
    ) -> None:
        self.analytics = analytics
        handlers = []
        for path, view in routes.items():
            serve = endpoint(view, is_async=is_async)
            how = None if inspect.iscoroutinefunction(serve) else True
            methods = [HttpMethod(one) for one in ALL_METHODS]
            handlers.append(
                route(typed(path), http_method=methods, sync_to_thread=how)(serve)
            )
        self.app: Any = Litestar(
            route_handlers=handlers,
            middleware=[ServerSideSessionConfig().middleware],
            stores={"sessions": SESSIONS},
            plugins=[SegmentPlugin(analytics)] if analytics is not None else [],
            openapi_config=None,
            logging_config=None,
        )
        if analytics is not None and twice:
            self.app = SegmentMiddleware(self.app, analytics)

    def send(self, ask: Ask) -> Answer:
        return asyncio.run(self.asend(ask))

    async def asend(self, ask: Ask) -> Answer:
        transport = httpx.ASGITransport(
            self.app, client=(ask.peer, 50_000), raise_app_exceptions=False
        )
        headers = [(n.encode(), v.encode("latin-1")) for n, v in ask.headers.items()]
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{ask.scheme}://testserver"
        ) as client:
            for name in ("accept", "accept-encoding", "user-agent"):
                del client.headers[name]
            response = await client.request(ask.method, ask.path, headers=headers)
        pairs = [
            (name.decode().lower(), value.decode("latin-1"))
            for name, value in response.headers.raw
        ]
        return Answer(response.status_code, pairs, response.content)

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        async def gathered() -> list[Answer]:
            return await asyncio.gather(*(self.asend(one) for one in asks))

        return asyncio.run(gathered())
