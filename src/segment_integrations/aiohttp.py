"""
aiohttp's server: a middleware that binds the request, a signal that sees its response.

A response may be prepared by the handler or long after all middlewares have returned,
so that it is looked at when aiohttp says so, right before its headers are written.
What is read of aiohttp's internals is in this file, and degrades to "absent".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from aiohttp import web
from aiohttp.payload import AsyncIterablePayload
from aiohttp.typedefs import Handler

from segment_integrations import asgi
from segment_integrations.asgi import KEY, analytics_of
from segment_integrations.client import Analytics
from segment_integrations.core.current import (
    VARIABLE,
    VisitContext,
    set_current,
)
from segment_integrations.core.gateways import StartInfo
from segment_integrations.core.headers import AsgiHeaders, Fields, Headers
from segment_integrations.core.request import Routing, Visited
from segment_integrations.core.users import user_identity
from segment_integrations.errors import ConfigurationError

__all__ = ["analytics_from", "lifespan", "setup"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in aiohttp-session's session."""

_SESSION: Final = "aiohttp_session"
"""Where aiohttp-session keeps the session that a request has loaded."""

_USER: Final = "user"
"""Where applications keep the user that a middleware of theirs has resolved."""

# aiohttp 3.14 warns of keys that are plain texts.
_KEY: Final[Any] = web.RequestKey(KEY, object) if hasattr(web, "RequestKey") else KEY


def setup(
    app: web.Application, analytics: Analytics | None = None, **settings: Any
) -> None:
    """
    Bind the context of *app*'s requests, send their page calls, drain at the end.

    The middleware becomes the outermost one. To be called when the application has its
    `on_response_prepare` signals, so that the response is seen as it is sent.

    Args:
        app: The application, before it is started; with its sub-applications.
        analytics: Where the calls go; by default one is made of *settings* and the
            environment.
        settings: As for `Analytics`.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """
    if analytics is not None and settings:
        raise ConfigurationError(
            "give setup either analytics or settings, not both",
            setting=next(iter(settings)),
        )
    analytics = analytics or Analytics(**settings)
    app.middlewares.insert(0, _middleware(analytics))
    app.on_response_prepare.append(_prepared)
    # The first is left last: what the others track at their end is drained as well.
    app.cleanup_ctx.insert(0, lifespan(analytics))


def _middleware(analytics: Analytics) -> Any:
    @web.middleware
    async def segment(request: web.Request, handler: Handler) -> web.StreamResponse:
        context = None
        if _KEY not in request:
            try:
                visit = _Visit(analytics, request)
                context = VisitContext(analytics, visit)
            except Exception as error:  # noqa: BLE001 - never the request's
                analytics.throttle.failed("request", error)
        if context is None:
            return await handler(request)
        request[_KEY] = context
        previous = VARIABLE.get()  # as `set_current` does, without its calls
        VARIABLE.set(context)
        try:
            return await handler(request)
        finally:
            VARIABLE.set(previous)
            if (
                context.response is not None
                or visit.is_socket
                or not analytics.settings.enabled
            ):
                visit.let_go()
            else:
                visit.is_left = True

    return segment


async def _prepared(request: web.Request, response: web.StreamResponse) -> None:
    """Look at a response that is about to start; also one that nobody handled."""
    context = request.get(_KEY)
    if not isinstance(context, VisitContext) or context.response is not None:
        return
    visit = context.info
    if isinstance(response, web.WebSocketResponse):
        if isinstance(visit, _Visit):
            visit.is_socket = True
        return  # a connection, no page
    analytics = context.analytics
    if analytics is None or not analytics.settings.enabled:
        return
    try:  # a guard would cost each response
        headers = response.headers
        given = StartInfo(response.status, tuple(headers.items()))
        if analytics.settings.anonymous_cookie:
            cookie = context.cookie_header(given)
            if cookie is not None:
                headers.add("Set-Cookie", cookie)
        context.observe(given)
        if isinstance(getattr(response, "body", None), AsyncIterablePayload):
            # The handler's own generator, which runs after the middleware; the task
            # is this request's and ends with it.
            set_current(context)
        if isinstance(visit, _Visit) and visit.is_left:
            visit.let_go()
    except Exception as error:  # noqa: BLE001 - never the request's
        analytics.throttle.failed("response", error)


class _Visit(Visited):
    """
    One request, where it went and whose it is; read when somebody asks.

    Args:
        analytics: Where its calls go.
        request: aiohttp's own.
    """

    # Defaults on the class: most requests set few of them.
    _headers = _cookies = None
    taken: Fields | None = None
    is_socket = False
    """True once a websocket has begun, whose response is never looked at."""
    is_left = False
    """True once the middleware has returned before the response was there."""

    def __init__(self, analytics: Analytics, request: web.Request) -> None:
        self._analytics = analytics
        self._request = request
        self.method = request.method
        path = request.path
        self.path = path if path.isascii() else _text(path)
        self._url = request.rel_url

    @property
    def query_string(self) -> str:  # type: ignore[override]  # it is only read
        return self._url.raw_query_string

    @property
    def headers(self) -> Headers:
        """As the base has it, and so are those that follow."""
        if self._headers is None:
            self._headers = AsgiHeaders(self._request.raw_headers, is_lower=False)
        headers: Headers = self._headers
        return headers

    @property
    def scheme(self) -> str:
        """The same."""
        return self._request.scheme

    @property
    def client(self) -> str | None:
        """The same."""
        return self._request.remote

    @property
    def host(self) -> str | None:
        """The same."""
        return (self.taken or self.take()).host or None

    @property
    def native(self) -> object:
        """The request that aiohttp made."""
        return self._request

    def let_go(self) -> None:
        """
        Let the request know its context no longer.

        They would form a circle, in which each request, body and all, waits for the
        garbage collector; a task that outlives the request has the context.
        """
        self._request[_KEY] = self._analytics

    def routing(self) -> Routing:
        """Where the request went; the middleware runs when that is known."""
        return _routing(self._request)

    def resolve(self, path: str) -> Routing | None:
        """Where a visit to *path* would go."""
        return _resolve(self._request, path, self.host)

    def detect(self) -> object:
        """Who is signed in, as far as the request has found out by itself."""
        return _detect(self._analytics, self._request)


def _text(path: str) -> str:
    """*path* without the surrogates that stand for bytes which are no UTF-8."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _routing(request: web.Request) -> Routing:
    found = request.match_info
    resource = found.route.resource
    if resource is None:  # nothing matched, or the method did not
        return Routing()
    handler = found.handler
    return Routing(
        template=unquote(resource.canonical),
        view=found.route.name or getattr(handler, "__name__", None),
        params={name: _text(value) for name, value in found.items()},
        endpoint=handler,
        is_internal=isinstance(resource, web.StaticResource),
    )


def _resolve(request: web.Request, path: str, host: str | None) -> Routing | None:
    """Where a visit to *path*, of whatever method, would go."""
    router = request.match_info.apps[0].router
    found = _match(router, path, host)
    if found is None and not path.isascii():
        # What is no ASCII of a route itself is kept percent-encoded.
        found = _match(router, quote(path), host)
    return found


def _match(router: web.UrlDispatcher, path: str, host: str | None) -> Routing | None:
    for resource in router.resources():
        facts: Mapping[str, Any] = resource.get_info()
        prefix = facts.get("prefix")
        if prefix is not None and not f"{path}/".startswith(f"{prefix}/"):
            continue
        if "app" in facts:
            rule = facts.get("rule")
            if rule is None or (host and rule.match_domain(host)):
                return _match(facts["app"].router, path, host)
        elif "pattern" in facts:
            matched = facts["pattern"].fullmatch(path)
            if matched is not None:
                params = {key: unquote(one) for key, one in matched.groupdict().items()}
                return Routing(template=unquote(facts["formatter"]), params=params)
        elif facts.get("path") == path:
            return Routing(template=unquote(path))
    return None


def _detect(analytics: Analytics, request: web.Request) -> object:
    found = user_identity(request.get(_USER))
    if found is not None:
        return found
    settings = analytics.settings
    # A session that is not loaded yet would have to be waited for, perhaps over the
    # network; so it is not.
    session = request.get(_SESSION)
    if settings.identity == "resolved" or not isinstance(session, Mapping):
        return None
    return session.get(settings.session_key or SESSION_KEY)


def lifespan(
    analytics: Analytics,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """
    Drain *analytics* at the app's end; for those who prefer it explicit.

    To be given to ``app.cleanup_ctx``. `setup` alone is enough.

    Args:
        analytics: What to drain.
    """

    async def serving(app: web.Application) -> AsyncIterator[None]:
        async with asgi.lifespan(analytics)(app):
            yield

    return serving


def analytics_from(request: web.Request) -> Analytics:
    """
    The `Analytics` that this request's calls go to.

    Raises:
        ConfigurationError: `setup` was not called and there is no default.
    """
    found = request.get(_KEY)
    return found if isinstance(found, Analytics) else analytics_of({KEY: found})
