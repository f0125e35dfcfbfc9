"""
The middleware for any WSGI application.

It hands on the very body that the application returned, looks at the first
`start_response` and no further. A framework's adapter gives it `Visit`s of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.client import Analytics
from segment_integrations.core.current import (
    VARIABLE,
    RequestContext,
    VisitContext,
    set_current,
)
from segment_integrations.core.gateways import EnvironInfo, StartInfo
from segment_integrations.core.request import Routing, Visited
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SegmentMiddleware", "analytics_from"]

KEY: Final = "segment_integrations"
"""Where the exchange is kept in the environ, and so the guard against two."""

ANALYTICS_KEY: Final = "segment_integrations.analytics"
"""
Where its `Analytics` is, once the application has returned: a body may ask for it.

The exchange itself would be a circle, which waits for the garbage collector.
"""

_NO_ROUTER: Final = Routing()
"""Plain WSGI routes nothing, and nothing is to be waited for."""


class Visit(EnvironInfo, Visited):
    """The facts of one request, and what is known beside its environ: here nothing."""

    is_claimed = False
    """True once a framework has begun with the request."""

    def routing(self) -> Routing:
        """Where the framework routed the request."""
        return _NO_ROUTER

    def settle(self) -> None:
        """Take note of what the response's headers still have to say."""

    def end(self) -> None:
        """Let go of what ends with the application's call."""


class Exchange(VisitContext):
    """
    The context of one request, which may be handed over to an application inside.

    The visit knows it at most while the application runs: longer, they would be a
    circle, which only the garbage collector ends.
    """

    analytics: Analytics
    info: Visit
    is_running = True
    """False once the application has returned."""

    def hand_over(self, analytics: Analytics, visit: Visit) -> None:
        """Let an application inside, which knows more, have the request."""
        self.analytics = analytics
        self.info = visit

    def with_cookie(
        self, response: StartInfo, headers: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """The *headers* of the *response*, nearly always as they were."""
        self.info.settle()
        # An error's headers take the place of the first ones, so they need the cookie
        # again.
        cookie = self.cookie_header(response)
        return headers if cookie is None else [*headers, ("Set-Cookie", cookie)]


def _start(
    exchange: Exchange,
    start_response: StartResponse,
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Callable[[bytes], object]:
    """*start_response*, with a look at its first call after that was forwarded."""
    analytics = exchange.analytics
    response = None
    try:
        response = StartInfo(int(status[:3]), headers)
        if analytics.settings.anonymous_cookie:
            headers = exchange.with_cookie(response, headers)
    except Exception as error:  # noqa: BLE001 - never the request's
        analytics.throttle.failed("response", error)
    if exc_info is None:
        write = start_response(status, headers)
    else:
        write = start_response(status, headers, exc_info)
    if response is not None and exchange.response is None:
        pages = analytics.page_calls
        if pages.see(exchange, response):
            pages.send(exchange, response)
    return write


class SegmentMiddleware:
    """
    Binds the request's context around the application, and sends its page call.

    A body that is produced after the application has returned runs outside of the
    context; the setting `stream_context` carries it there, at the price of a wrapper.

    Args:
        app: The application.
        analytics: Where the calls go; by default one is made of *settings* and the
            environment.
        settings: As for `Analytics`.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """

    def __init__(
        self, app: WSGIApplication, analytics: Analytics | None = None, **settings: Any
    ) -> None:
        if analytics is not None and settings:
            raise ConfigurationError(
                "give SegmentMiddleware either analytics or settings, not both",
                setting=next(iter(settings)),
            )
        self.app = app
        self.analytics = analytics or Analytics(**settings)
        self._visit: Callable[[WSGIEnvironment], Visit] = Visit
        """Makes what is known of a request; another where a framework knows more."""

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve one request."""
        present = environ.get(KEY)
        # One that has ended came with an environ that is used again.
        if isinstance(present, Exchange) and present.is_running:
            self._join(present, environ)
            return self.app(environ, start_response)
        try:
            exchange = Exchange(self.analytics, self._visit(environ))
        except Exception as error:  # noqa: BLE001 - never the request's
            self.analytics.throttle.failed("request", error)
            return self.app(environ, start_response)
        environ[KEY] = exchange
        previous = VARIABLE.get()  # as `set_current` does, without its calls
        VARIABLE.set(exchange)
        try:
            body = self.app(environ, partial(_start, exchange, start_response))
        finally:
            VARIABLE.set(previous)
            exchange.is_running = False
            try:
                exchange.info.end()  # another visit, if it was handed over
            except Exception as error:  # noqa: BLE001 - never the request's
                exchange.analytics.throttle.failed("end of the request", error)
            environ.pop(KEY, None)
            environ[ANALYTICS_KEY] = exchange.analytics
        if self.analytics.settings.stream_context and _is_streamed(body, environ):
            return _Bound(exchange, body)
        return body

    def _join(self, exchange: Exchange, environ: WSGIEnvironment) -> None:
        """Take part in an exchange that a middleware further out has begun."""


def _is_streamed(body: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    """False where no code of the application runs while the body is sent."""
    wrapper = environ.get("wsgi.file_wrapper")
    is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
    return not is_file and not isinstance(body, list | tuple)


class _Bound:
    """A body whose every step runs with the context bound."""

    def __init__(self, context: RequestContext, body: Iterable[bytes]) -> None:
        self._context = context
        self._body = body
        self._steps: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        previous = set_current(self._context)
        try:
            if self._steps is None:
                self._steps = iter(self._body)
            return next(self._steps)
        finally:
            set_current(previous)

    def close(self) -> None:
        """Close the body, if it can be."""
        close = getattr(self._body, "close", None)
        if close is None:
            return
        previous = set_current(self._context)
        try:
            close()
        finally:
            set_current(previous)


def analytics_from(environ: WSGIEnvironment) -> Analytics:
    """
    The `Analytics` of the request with this *environ*, else the default one.

    Raises:
        ConfigurationError: There is neither.
    """
    exchange = environ.get(KEY)
    if isinstance(exchange, Exchange):
        return exchange.analytics
    analytics = environ.get(ANALYTICS_KEY)
    if isinstance(analytics, Analytics):
        return analytics
    analytics = analytics_now()
    if analytics is None:
        raise ConfigurationError(
            "no SegmentMiddleware is installed, and there is no write key",
            setting="write_key",
        )
    return analytics
