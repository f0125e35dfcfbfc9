"""Litestar, with sync or async handlers."""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from drivers import starlette
from drivers.sharing import Built, dressed, reply_of
from litestar import HttpMethod, Litestar, Request, route
from litestar.middleware.session.client_side import (
    ClientSideSessionBackend,
    CookieBackendConfig,
)
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import ASGIApp
from neutral import ALL_METHODS, Reply, Routes, Seen, View, wants_loop

from segment_integrations.client import Analytics
from segment_integrations.litestar import SegmentMiddleware, SegmentPlugin

SESSION_KEY = "user_id"


def typed(path: str) -> str:
    """A route as Litestar writes it, where each parameter has a type."""
    return re.sub(r"{(\w+)}", r"{\1:str}", path)


class PlainBackend(ClientSideSessionBackend):
    """Without the encryption, which makes each cookie of one session another one."""

    def dump_data(self, data: Any, scope: Any = None) -> list[bytes]:
        return [base64.b64encode(self.serialize_data(data, scope))]

    def load_data(self, data: list[bytes]) -> dict[str, Any]:
        return self.deserialize_data(base64.b64decode(b"".join(data)))


class PlainConfig(CookieBackendConfig):
    _backend_class = PlainBackend


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
            return native_response(await reply_of(view(seen(request))), request)

    else:

        def serve(request: Request[Any, Any, Any]) -> ASGIApp:
            return native_response(view(seen(request)), request)

    return dressed(serve, view)


def resolve(request: Request[Any, Any, Any], user_id: str) -> None:
    """As an authentication middleware leaves a signed-in user."""
    request.scope["user"] = SimpleNamespace(id=user_id)


class App(Built, starlette.App):
    """The app; its clients are Starlette's, which take any ASGI app."""

    def made(self, routes: Routes, *, is_async: bool) -> Litestar:
        handlers = []
        for path, view in routes.items():
            serve = endpoint(view, is_async=is_async)
            how = None if inspect.iscoroutinefunction(serve) else True
            methods = [HttpMethod(one) for one in ALL_METHODS]
            handlers.append(
                route(typed(path), http_method=methods, sync_to_thread=how)(serve)
            )
        analytics = self.analytics
        return Litestar(
            route_handlers=handlers,
            middleware=[PlainConfig(secret=b"a" * 32).middleware],
            plugins=[SegmentPlugin(analytics)] if analytics is not None else [],
            openapi_config=None,
            logging_config=None,
        )

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        if twice:  # once it is, as a plugin
            self.app = SegmentMiddleware(self.app, analytics)
