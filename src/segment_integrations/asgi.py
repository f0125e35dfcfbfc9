"""
The middleware for any ASGI application.

It forwards every message untouched, looks at the first ``http.response.start`` and no
further, and drains the queue before the server is told that the shutdown is complete.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from segment_integrations.client import Analytics
from segment_integrations.core.current import RequestContext, set_current
from segment_integrations.core.request import (
    UNROUTED,
    ResponseInfo,
    Routing,
    decoded_headers,
    from_scope,
)
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import ConfigurationError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]

KEY: Final = "segment_integrations"
"""Where the request's context is kept in the scope, and so the guard against two."""

_STOPPED: Final = frozenset(
    {
        "lifespan.startup.failed",
        "lifespan.shutdown.complete",
        "lifespan.shutdown.failed",
    }
)


class SegmentMiddleware:
    """
    Binds the request's context, sends its page call, drains at the end of the lifespan.

    Args:
        app: The application, whole or inside a framework's own middleware.
        analytics: Where the calls go; by default one is made of *settings* and the
            environment.
        settings: As for `Analytics`.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """

    def __init__(
        self, app: ASGIApp, /, analytics: Analytics | None = None, **settings: Any
    ) -> None:
        if analytics is not None and settings:
            raise ConfigurationError(
                "give SegmentMiddleware either analytics or settings, not both",
                setting=next(iter(settings)),
            )
        self.app = app
        self.analytics = analytics or Analytics(**settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if kind not in {"http", "websocket"} or KEY in scope:
            await self.app(scope, receive, send)
            return
        context = self._context(scope)
        scope[KEY] = context
        previous = set_current(context)
        try:
            await self.app(
                scope, receive, self._watched(context, send) if kind == "http" else send
            )
        finally:
            set_current(previous)
            scope.pop(KEY, None)  # a server may use the same dict again

    def _context(self, scope: Scope) -> RequestContext:
        """The holder of one request; overridden where a framework knows more."""
        return self.analytics.request(from_scope(scope)).context

    def _watched(self, context: RequestContext, send: Send) -> Send:
        """*send*, with a look at the first response start after it was forwarded."""
        mints = self.analytics.settings.anonymous_cookie

        async def watched(message: Message) -> None:
            if message["type"] != "http.response.start" or context.response is not None:
                await send(message)
                return
            headers = message.get("headers", ())
            response = ResponseInfo(
                message["status"],
                lambda: decoded_headers(headers),
                lambda: context.routing,
            )
            cookie = None
            if mints:
                with self.analytics.throttle.guard("cookie"):
                    cookie = context.cookie_header(response)
            if cookie is not None:
                added = (b"set-cookie", cookie.encode("latin-1"))
                await send({**message, "headers": [*headers, added]})
            else:
                await send(message)
            context.observe(response)

        return watched

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] in _STOPPED:
                # Before it is forwarded: the server may end the process right after.
                await self._drain()
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except BaseException:
            await self._drain()
            raise

    async def _drain(self) -> None:
        with self.analytics.throttle.guard("drain"):
            await self.analytics.adrain()


def lifespan(analytics: Analytics, inner: Lifespan | None = None) -> Lifespan:
    """
    A lifespan that drains *analytics* at its end; for those who prefer it explicit.

    `SegmentMiddleware` alone is enough.

    Args:
        analytics: What to drain.
        inner: The application's own lifespan; its state is passed on.
    """

    @asynccontextmanager
    async def wrapped(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        try:
            if inner is None:
                yield None
            else:
                async with inner(app) as state:
                    yield state
        finally:
            with analytics.throttle.guard("drain"):
                await analytics.adrain()

    return wrapped


def analytics_of(scope: Scope) -> Analytics:
    """
    The `Analytics` of the request with this *scope*, else the default one.

    Raises:
        ConfigurationError: There is neither.
    """
    context = scope.get(KEY)
    found = context.analytics if isinstance(context, RequestContext) else None
    if isinstance(found, Analytics):
        return found
    analytics = analytics_now()
    if analytics is None:
        raise ConfigurationError(
            "no SegmentMiddleware is installed, and there is no write key",
            setting="write_key",
        )
    return analytics


__all__ = [
    "KEY",
    "UNROUTED",
    "Lifespan",
    "Routing",
    "SegmentMiddleware",
    "analytics_of",
    "lifespan",
]
