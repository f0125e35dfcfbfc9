"""Quart, with sync or async views."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from neutral import (
    ALL_METHODS,
    Answer,
    Ask,
    Reply,
    Routes,
    Seen,
    View,
    angled,
    wants_loop,
)
from quart import Quart, Response, g, request, session
from quart_auth import AuthUser, QuartAuth

from segment_integrations.client import Analytics
from segment_integrations.quart import SegmentMiddleware

SESSION_KEY = "user_id"


def resolve(_: object, user_id: str) -> None:
    """As Quart-Auth leaves a user that it has loaded."""
    g._quart_auth_user = AuthUser(user_id)


def native_response(reply: Reply) -> Response:
    content = reply.body if reply.chunks is None else iter(reply.chunks)
    response = Response(content, reply.status)
    response.headers.pop("Content-Type", None)
    for name, value in reply.headers:
        response.headers.add(name, value)
    return response


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    if wants_loop(view, is_async=is_async):

        async def serve(**params: object) -> Response:
            reply = view(Seen(params, session, request))
            return native_response(await reply if inspect.isawaitable(reply) else reply)

    else:

        def serve(**params: object) -> Response:
            return native_response(view(Seen(params, session, request)))

    serve.__dict__.update(view.__dict__)
    serve.__name__ = view.__name__
    return serve


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
        self.app = Quart("conformance", static_folder=None)
        self.app.secret_key = "a" * 32
        QuartAuth(self.app)
        for path, view in routes.items():
            self.app.add_url_rule(
                angled(path),
                f"{view.__name__}_{path}".replace(".", "_"),
                endpoint(view, is_async=is_async),
                methods=list(ALL_METHODS),
            )
        if analytics is not None:
            for _ in range(2 if twice else 1):
                wrapped: Any = SegmentMiddleware(self.app.asgi_app, analytics)
                self.app.asgi_app = wrapped

    def send(self, ask: Ask) -> Answer:
        return asyncio.run(self.asend(ask))

    async def asend(self, ask: Ask) -> Answer:
        transport = httpx.ASGITransport(self.app, client=(ask.peer, 50_000))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{ask.scheme}://testserver"
        ) as client:
            for name in ("accept", "accept-encoding", "user-agent"):
                del client.headers[name]
            headers = [
                (n.encode(), v.encode("latin-1")) for n, v in ask.headers.items()
            ]
            response = await client.request(ask.method, ask.path, headers=headers)
        return Answer(
            response.status_code,
            [
                (name.decode().lower(), value.decode("latin-1"))
                for name, value in response.headers.raw
            ],
            response.content,
        )

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        async def gathered() -> list[Answer]:
            return await asyncio.gather(*(self.asend(one) for one in asks))

        return asyncio.run(gathered())
