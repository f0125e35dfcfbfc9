"""Starlette, with sync or async endpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from drivers.sharing import (
    OverASGI,
    answer,
    dressed,
    raw_headers,
    reply_of,
    without_defaults,
)
from neutral import ALL_METHODS, Answer, Ask, Reply, Routes, Seen, View, wants_loop
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_integrations.client import Analytics
from segment_integrations.starlette import SegmentMiddleware

SESSION_KEY = "user_id"


def native_response(reply: Reply) -> Response:
    response: Response
    if reply.chunks is not None:
        response = StreamingResponse(iter(reply.chunks), reply.status)
    else:
        response = Response(reply.body, reply.status)
    kept = [pair for pair in response.raw_headers if pair[0] == b"content-length"]
    given = [(n.lower().encode(), v.encode("latin-1")) for n, v in reply.headers]
    response.raw_headers = kept + given
    return response


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    def seen(request: Request) -> Seen:
        return Seen(request.path_params, request.scope["session"], request)

    if wants_loop(view, is_async=is_async):

        async def serve(request: Request) -> Response:
            return native_response(await reply_of(view(seen(request))))

    else:

        def serve(request: Request) -> Response:
            return native_response(view(seen(request)))

    return dressed(serve, view)


def resolve(request: Request, user_id: str) -> None:
    """As Starlette's `AuthenticationMiddleware` leaves a signed-in user."""
    request.scope["user"] = SimpleNamespace(is_authenticated=True, identity=user_id)


def add_route(app: Starlette, path: str, serve: Callable[..., Any]) -> None:
    app.router.routes.append(Route(path, serve, methods=list(ALL_METHODS)))


class App(OverASGI):
    """The app and its clients."""

    make: Callable[[], Starlette] = Starlette
    middleware: type[SegmentMiddleware] = SegmentMiddleware
    add_route = staticmethod(add_route)

    def __init__(
        self,
        routes: Routes,
        *,
        is_async: bool,
        analytics: Analytics | None,
        inside: Sequence[Any] = (),
        outside: Sequence[Any] = (),
        twice: bool = False,
    ) -> None:
        self.analytics = analytics
        self.app = type(self).make()
        for path, view in routes.items():
            self.add_route(self.app, path, endpoint(view, is_async=is_async))
        for one in inside:
            self.app.add_middleware(one)
        self.app.add_middleware(SessionMiddleware, secret_key="a" * 32)
        if analytics is not None:
            for _ in range(2 if twice else 1):
                self.app.add_middleware(self.middleware, analytics=analytics)
        for one in outside:
            self.app.add_middleware(one)

    def send(self, ask: Ask) -> Answer:
        async def served(scope: Any, receive: Any, send: Any) -> None:
            scope["client"] = [ask.peer, 50_000]  # no argument in old ones
            await self.app(scope, receive, send)

        client = TestClient(
            served,
            base_url=f"{ask.scheme}://testserver",
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        without_defaults(client)
        return answer(
            client.request(ask.method, ask.path, headers=raw_headers(ask.headers))
        )
