"""
The middleware for any ASGI application.

It forwards every message untouched, looks at the first ``http.response.start`` and no
further, and drains the queue before the server is told that the shutdown is complete.
"""

from __future__ import annotations

import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, NoReturn

from segment_integrations.client import Analytics
from segment_integrations.core.current import VARIABLE, RequestContext
from segment_integrations.core.gateways import StartInfo, from_scope
from segment_integrations.core.request import ResponseInfo
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

_BY_NAME: Final[Any] = None
"""Older Starlette (0.40) gives a middleware its app by name, newer by position."""

_CONNECTIONS: Final = frozenset({"http", "websocket"})

_SEQUENCES: Final = (list, tuple)  # a union would be made anew for each request
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

    _failure: ConfigurationError | None = None
    """Why the application can not start; for those who are made too late to raise."""

    def __init__(
        self,
        app: ASGIApp = _BY_NAME,
        /,
        analytics: Analytics | None = None,
        **settings: Any,
    ) -> None:
        self.app: ASGIApp = settings.pop("app", app)
        if analytics is not None and settings:
            raise ConfigurationError(
                "give SegmentMiddleware either analytics or settings, not both",
                setting=next(iter(settings)),
            )
        self.analytics = analytics or Analytics(**settings)
        self._is_on = self.analytics.settings.enabled
        self._mints = self.analytics.settings.anonymous_cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan."""
        if self._failure is not None:
            await _refuse(self._failure, scope, receive, send)
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        context = None
        if kind in _CONNECTIONS and KEY not in scope:
            try:
                context = self._context(scope)
            except Exception as error:  # noqa: BLE001 - never the request's
                self.analytics.throttle.failed("request", error)
        if context is None:
            await self.app(scope, receive, send)
            return
        outward = send
        if kind == "http" and self._is_on:

            def outward(message: Message) -> Awaitable[None]:
                """*send*, with a look at the first response start."""
                if (
                    message["type"] != "http.response.start"
                    or context.response is not None
                ):
                    return send(message)  # no coroutine of ours for a piece of a body
                return self._begin(context, send, message)

        scope[KEY] = context
        previous = VARIABLE.get()  # as `set_current` does, without its calls
        VARIABLE.set(context)
        try:
            await self.app(scope, receive, outward)
        finally:
            VARIABLE.set(previous)
            scope.pop(KEY, None)  # a server may use the same dict again

    def _context(self, scope: Scope) -> RequestContext:
        """The holder of one request; overridden where a framework knows more."""
        return RequestContext(self.analytics, from_scope(scope))

    def _begin(
        self, context: RequestContext, send: Send, message: Message
    ) -> Awaitable[None]:
        """Look at the start *message*, and forward it."""
        analytics = self.analytics
        try:
            pairs = message.get("headers", ())
            if self._mints or type(pairs) not in _SEQUENCES:
                message, response = self._start(context, message)
            else:
                response = StartInfo(message["status"], pairs)
        except Exception as error:  # noqa: BLE001 - never the request's
            analytics.throttle.failed("response", error)
            return send(message)
        if analytics.page_calls.see(context, response):
            return self._page(context, response, send, message)
        return send(message)

    async def _page(
        self,
        context: RequestContext,
        response: ResponseInfo,
        send: Send,
        message: Message,
    ) -> None:
        await send(message)  # first, so that a response that fails is no page
        self.analytics.page_calls.send(context, response)

    def _start(
        self, context: RequestContext, message: Message
    ) -> tuple[Message, ResponseInfo]:
        """The start *message*, nearly always as it was, and what it says."""
        headers = message.get("headers", ())
        if not isinstance(headers, _SEQUENCES):  # an iterator is read only once
            headers = list(headers)
            message = {**message, "headers": headers}
        response = StartInfo(message["status"], headers)
        if self._mints:
            cookie = context.cookie_header(response)
            if cookie is not None:
                added = (b"set-cookie", cookie.encode("latin-1"))
                message = {**message, "headers": [*headers, added]}
        return message, response

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_served = False

        async def received() -> Message:
            nonlocal is_served
            is_served = True
            return await receive()

        async def watched(message: Message) -> None:
            nonlocal is_served
            is_served = True
            if message["type"] in _STOPPED:
                # Before it is forwarded: the server may end the process right after.
                await _drain(self.analytics)
            await send(message)

        try:
            await self.app(scope, received, watched)
        except Exception:
            if is_served:
                await _drain(self.analytics)
                raise
        except BaseException:
            await _drain(self.analytics)
            raise
        if not is_served:
            # The application has no lifespan: it refused the scope, or returned at
            # once. A server would go on without one, and end without telling us.
            await _serve_lifespan(receive, watched)


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    """The lifespan of an application that has none."""
    while True:
        stage = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{stage}.complete"})
        if stage == "shutdown":
            return


async def _drain(analytics: Analytics) -> None:
    """Deliver what is queued, and say how much could not be."""
    with analytics.throttle.guard("drain"):
        is_done = await analytics.adrain()
        left = analytics.stats().pending_events
        if left and not is_done:  # what came meanwhile goes out by itself
            # Under the name of the line that an ordinary end of the process logs, so
            # that there is one of both; after a signal there may be no such end.
            analytics.throttle.log(
                "drop:exit",
                logging.WARNING,
                "%d message(s) not sent before the server stopped;"
                " they are lost if the process ends now",
                left,
            )


async def _refuse(
    failure: ConfigurationError, scope: Scope, receive: Receive, send: Send
) -> NoReturn:
    """Tell the server that the application can not start; raise in requests."""
    if scope["type"] == "lifespan":
        await receive()
        text = f"{type(failure).__name__}: {failure}"
        await send({"type": "lifespan.startup.failed", "message": text})
    raise failure.with_traceback(None)


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
            await _drain(analytics)

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
    "Lifespan",
    "SegmentMiddleware",
    "analytics_of",
    "lifespan",
]
