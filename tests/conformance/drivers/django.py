"""Django, under WSGI with sync views and under ASGI with async ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path as url
from drivers.sharing import InThreads, dressed, reply_of
from neutral import Answer, Ask, Reply, Routes, Seen, View, angled, wants_loop

from segment_integrations.client import Analytics

SESSION_KEY = "_auth_user_id"
OURS = "segment_integrations.django.middleware.SegmentMiddleware"
NEEDED: dict[str, Any] = {
    "ALLOWED_HOSTS": ["*"],
    "APPEND_SLASH": False,
    "SECRET_KEY": "a" * 50,
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
}

if not settings.configured:
    contrib = (f"django.contrib.{one}" for one in ("auth", "contenttypes", "sessions"))
    settings.configure(
        INSTALLED_APPS=[*contrib, "segment_integrations.django"], **NEEDED
    )
    django.setup()


def resolve(request: HttpRequest, user_id: str) -> None:
    """As an authentication of the application's own leaves a user."""
    user: Any = SimpleNamespace(is_authenticated=True, pk=user_id)
    request.user = user


def native_response(reply: Reply) -> HttpResponse | StreamingHttpResponse:
    response: Any
    if reply.chunks is None:
        response = HttpResponse(reply.body, status=reply.status)
    else:
        response = StreamingHttpResponse(iter(reply.chunks), status=reply.status)
    del response["Content-Type"]
    for name, value in reply.headers:
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    return response


def endpoint(view: View, *, is_async: bool) -> Callable[..., Any]:
    if wants_loop(view, is_async=is_async):

        async def serve(request: Any, **params: object) -> Any:
            reply = await reply_of(view(Seen(params, request.session, request)))
            return native_response(reply)

    else:

        def serve(request: Any, **params: object) -> Any:
            return native_response(view(Seen(params, request.session, request)))

    return dressed(serve, view)


def options(
    values: dict[str, Any], routes: Routes, *, is_async: bool, twice: bool = False
) -> Any:
    """The settings of one app, to be entered and left by the test."""
    middleware = ["django.contrib.sessions.middleware.SessionMiddleware"]
    if values:
        middleware += [OURS] * (2 if twice else 1)
    patterns = tuple(
        url(angled(path).removeprefix("/"), endpoint(view, is_async=is_async))
        for path, view in routes.items()
    )
    return override_settings(
        **NEEDED,
        MIDDLEWARE=middleware,
        ROOT_URLCONF=patterns,
        SEGMENT={name.upper(): value for name, value in values.items()},
    )


class _AsyncClient(AsyncClient):
    """A client that makes the scope that a server would make."""

    peer = "127.0.0.1"

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._base_scope(**request)
        scope["client"] = [self.peer, 50_000]
        # Servers decode a path as UTF-8; this client reads it as Latin-1.
        scope["path"] = scope["path"].encode("latin-1").decode("utf-8", "replace")
        headers = [pair for pair in scope["headers"] if pair != (b"cookie", b"")]
        if [name for name, _ in headers].count(b"host") > 1:
            headers.remove((b"host", b"testserver"))
        scope["headers"] = headers
        return scope


class App(InThreads):
    """The clients of the app that the settings describe."""

    def __init__(self, analytics: Analytics | None, *, is_async: bool) -> None:
        self.analytics = analytics
        self.is_async = is_async

    def send(self, ask: Ask) -> Answer:
        if self.is_async:
            return asyncio.run(self.asend(ask))
        client = Client(raise_request_exception=False, REMOTE_ADDR=ask.peer)
        return _answer(client.generic(ask.method, ask.path, **_options(ask)))

    async def asend(self, ask: Ask) -> Answer:
        client = _AsyncClient(raise_request_exception=False)
        client.peer = ask.peer
        return _answer(
            await client.generic(ask.method, ask.path, **_options(ask))  # type: ignore[misc]
        )

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        async def gathered() -> list[Answer]:
            return await asyncio.gather(*(self.asend(one) for one in asks))

        if self.is_async:
            return asyncio.run(gathered())
        return super().send_all(asks)


def _options(ask: Ask) -> dict[str, Any]:
    return {"headers": dict(ask.headers), "secure": ask.scheme == "https"}


def _answer(response: Any) -> Answer:
    headers = [(name.lower(), value) for name, value in response.items()]
    headers += [("set-cookie", one.OutputString()) for one in response.cookies.values()]
    body = b"".join(response) if response.streaming else response.content
    return Answer(response.status_code, headers, body)
