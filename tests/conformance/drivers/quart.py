"""Quart, with sync or async views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from drivers.sharing import (
    Built,
    OverASGI,
    dressed,
    flask_app,
    flask_response,
    reply_of,
)
from neutral import Routes, Seen, View, wants_loop
from quart import Quart, Response, g, request, session
from quart_auth import AuthUser, QuartAuth

from segment_integrations.client import Analytics
from segment_integrations.quart import SegmentMiddleware

SESSION_KEY = "user_id"


def resolve(_: object, user_id: str) -> None:
    """As Quart-Auth leaves a user that it has loaded."""
    g._quart_auth_user = AuthUser(user_id)


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    def seen(params: dict[str, object]) -> Seen:
        return Seen(params, session, request)

    if not wants_loop(view, is_async=is_async):

        def serve(**params: object) -> Response:
            return flask_response(Response, view(seen(params)))

        return dressed(serve, view)

    async def aserve(**params: object) -> Response:
        return flask_response(Response, await reply_of(view(seen(params))))

    return dressed(aserve, view)


class App(Built, OverASGI):
    """The app and its clients."""

    def made(self, routes: Routes, *, is_async: bool) -> Quart:
        app: Quart = flask_app(Quart, routes, partial(endpoint, is_async=is_async))
        QuartAuth(app)
        return app

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        for _ in range(1 + twice):
            self.app.asgi_app = SegmentMiddleware(self.app.asgi_app, analytics)
