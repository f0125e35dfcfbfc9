"""
The middleware for any WSGI application.

It hands on the very body that the application returned, looks at the first
`start_response` and no further. A framework's adapter gives it `Hooks` of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from segment_integrations.client import Analytics
from segment_integrations.core.current import RequestContext, set_current
from segment_integrations.core.gateways import StartInfo, from_environ
from segment_integrations.core.request import Routing
from segment_integrations.defaults import analytics_now
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SegmentMiddleware", "analytics_from"]

KEY: Final = "segment_integrations"
"""Where the exchange is kept in the environ, and so the guard against two."""

_NO_ROUTER: Final = Routing()
"""Plain WSGI routes nothing, and nothing is to be waited for."""


class Hooks:
    """What is known of one request beside its environ; a framework knows more."""

    is_claimed = False
    """True once a framework has begun with the request."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ

    def native(self) -> object:
        """What the user's callables are given."""
        return self.environ

    def routing(self) -> Routing:
        """Where the framework routed the request."""
        return _NO_ROUTER

    def resolve(self, path: str) -> Routing | None:  # noqa: ARG002 - there is no router
        """Route another path of this site."""
        return None

    def detect(self) -> object:
        """Tell who is signed in."""
        return None

    def settle(self) -> None:
        """Take note of what the response's headers still have to say."""

    def end(self) -> None:
        """Let go of what ends with the application's call."""


class Exchange:
    """
    One request and its response, from the call of the application to its return.

    It may be handed over to an application that is mounted deeper.
    """

    __slots__ = ("analytics", "context", "hooks", "info", "is_running")

    def __init__(
        self, analytics: Analytics, environ: WSGIEnvironment, hooks: Hooks
    ) -> None:
        self.analytics = analytics
        self.hooks = hooks
        self.is_running = True
        # Not their bound methods: the hooks may change.
        self.info = from_environ(environ, native=lambda: self.hooks.native())  # noqa: PLW0108
        self.context: RequestContext = analytics.request(
            self.info,
            routing=lambda: self.hooks.routing(),  # noqa: PLW0108
            resolve=lambda path: self.hooks.resolve(path),  # noqa: PLW0108
            detect=lambda: self.hooks.detect(),  # noqa: PLW0108
        ).context

    def hand_over(self, analytics: Analytics, hooks: Hooks) -> None:
        """Let an application inside, which knows more, have the request."""
        self.analytics = self.context.analytics = analytics
        self.hooks = hooks

    def watched(self, start_response: StartResponse) -> StartResponse:
        """*start_response*, with a look at its first call after that was forwarded."""

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            context, analytics = self.context, self.analytics
            response = None
            with analytics.throttle.guard("response"):
                response = StartInfo(int(status[:3]), headers, context)
                if analytics.settings.anonymous_cookie:
                    self.hooks.settle()
                    # An error's headers take the place of the first ones, so they
                    # need the cookie again.
                    cookie = context.cookie_header(response)
                    if cookie is not None:
                        headers = [*headers, ("Set-Cookie", cookie)]
            if exc_info is None:
                write = start_response(status, headers)
            else:
                write = start_response(status, headers, exc_info)
            if response is not None:
                context.observe(response)
            return write

        return start

    def end(self) -> None:
        """The application has returned."""
        with self.analytics.throttle.guard("end of the request"):
            self.hooks.end()
        self.is_running = False


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

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve one request."""
        present = environ.get(KEY)
        # One that has ended came with an environ that is used again.
        if isinstance(present, Exchange) and present.is_running:
            self._join(present, environ)
            return self.app(environ, start_response)
        exchange = Exchange(self.analytics, environ, self._hooks(environ))
        environ[KEY] = exchange
        previous = set_current(exchange.context)
        try:
            body = self.app(environ, exchange.watched(start_response))
        finally:
            set_current(previous)
            exchange.end()
            environ.pop(KEY, None)
        if self.analytics.settings.stream_context and _is_streamed(body, environ):
            return _Bound(exchange.context, body)
        return body

    def _hooks(self, environ: WSGIEnvironment) -> Hooks:
        """What is known of the request; overridden where a framework knows more."""
        return Hooks(environ)

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
    analytics = analytics_now()
    if analytics is None:
        raise ConfigurationError(
            "no SegmentMiddleware is installed, and there is no write key",
            setting="write_key",
        )
    return analytics
