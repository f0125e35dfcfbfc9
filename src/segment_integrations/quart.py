"""
Quart: route templates and who is signed in, and the ASGI middleware around them.

Quart forgets a request before its response starts, so that what is needed of it is
taken when the request begins, from Quart's own signals. What is read of the internals
of Quart and of Quart-Auth is in this file, and degrades to "absent".
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from quart import has_request_context, has_websocket_context
from quart.globals import g, request_ctx, websocket_ctx
from quart.signals import request_started, websocket_started
from quart.wrappers import BaseRequestWebsocket
from werkzeug.datastructures import Headers

from segment_integrations import asgi
from segment_integrations.asgi import Scope, analytics_of
from segment_integrations.core.gateways import from_scope
from segment_integrations.core.request import UNROUTED, Routing
from segment_integrations.pallets import marked, resolved, routed, unmarked

if TYPE_CHECKING:
    from quart import Quart
    from werkzeug.routing import MapAdapter, Rule

    from segment_integrations.client import Analytics
    from segment_integrations.core.current import RequestContext
    from segment_integrations.core.request import RequestInfo

__all__ = ["SegmentMiddleware", "analytics_from", "lifespan"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in Quart's session."""

_VISIT_KEY: Final = "segment_integrations.quart"
_RESOLVED_MAX: Final = 1_024


class SegmentMiddleware(asgi.SegmentMiddleware):
    """
    For ``app.asgi_app = SegmentMiddleware(app.asgi_app, analytics=analytics)``.

    Works around the whole application too. Names pages by route template, and knows
    who is signed in by Quart-Auth or the session.

    Raises:
        ConfigurationError: As for `asgi.SegmentMiddleware`.
    """

    def __init__(
        self,
        app: asgi.ASGIApp = asgi._BY_NAME,  # noqa: SLF001 - our own
        /,
        analytics: Analytics | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(app, analytics, **settings)
        self._referrers: dict[object, Routing | None] = {}

    def _context(self, scope: Scope) -> RequestContext:
        info = from_scope(scope, native=lambda: visit.native() or _request(scope))
        # The visit knows nothing of the scope, with which it would form a circle.
        visit = scope[_VISIT_KEY] = _Visit(self.analytics, info, self._referrers)
        return self.analytics.request(
            info, routing=visit.routing, resolve=visit.resolve, detect=visit.detect
        ).context


class _Visit:
    """
    What Quart knows of one request or websocket.

    Args:
        analytics: Where the request's calls go.
        info: The request.
        referrers: Where paths lead to that were asked for before; kept bounded.
    """

    __slots__ = (
        "_analytics",
        "_app",
        "_cookies",
        "_g",
        "_matched",
        "_referrers",
        "_request",
        "_routing",
        "_session",
        "_url_adapter",
    )

    def __init__(
        self,
        analytics: Analytics,
        info: RequestInfo,
        referrers: dict[object, Routing | None],
    ) -> None:
        self._analytics = analytics
        self._cookies: Callable[[], Mapping[str, str]] = lambda: info.cookies
        self._referrers = referrers
        self._app: Quart | None = None
        self._g: Any = None
        self._matched: tuple[Rule, Mapping[str, object], str, str] | None = None
        self._request: Callable[[], object] | None = None
        self._routing: Routing = UNROUTED
        self._session: Any = None
        self._url_adapter: MapAdapter | None = None

    def begin(self, app: Quart, running: Any) -> None:
        """*app* has opened the session and matched the request."""
        if self._app is not None:
            return  # a view passes its scope on to another application
        with self._analytics.throttle.guard("request_started"):
            request = running.request_websocket
            self._g = g._get_current_object()  # noqa: SLF001 - a proxy's way
            self._request = weakref.ref(request)  # it has the scope
            self._session = running.session
            self._url_adapter = running.url_adapter
            rule = request.url_rule
            if rule is None:
                self._routing = Routing()
            else:
                args = request.view_args or {}
                self._matched = rule, args, request.path, request.method
            self._app = app

    def native(self) -> object:
        """Quart's request; None before there is one."""
        return None if self._request is None else self._request()

    def routing(self) -> Routing:
        """Where Quart routed the request."""
        if self._routing is UNROUTED and self._matched and self._app:
            rule, args, path, method = self._matched
            view = marked(self._app.view_functions.get(str(rule.endpoint)), method)
            self._routing = routed(rule, args, path, view)
        return self._routing

    def resolve(self, path: str) -> Routing | None:
        """Route another path of this app."""
        adapter = self._url_adapter
        if adapter is None:
            return None
        site = adapter.map, adapter.server_name, adapter.subdomain
        key = (*site, adapter.script_name, path)
        if key not in self._referrers:
            if len(self._referrers) >= _RESOLVED_MAX:
                self._referrers.clear()
            self._referrers[key] = resolved(adapter, path)
        return self._referrers[key]

    def detect(self) -> object:
        """Tell who is signed in, without marking the session as used."""
        if self._app is None:
            return None
        may_load = self._analytics.settings.identity != "resolved"
        for extension in self._app.extensions.get("QUART_AUTH", ()):
            user = getattr(self._g, extension.attribute_name, None)
            if user is None and may_load and self._is_running():
                # As it does itself at the end of each request: by a signed cookie.
                user = extension.load_user()
            if user is not None and user.auth_id is not None:
                return user.auth_id
        return self._in_session(self._app) if may_load else None

    def _is_running(self) -> bool:
        if not (has_request_context() or has_websocket_context()):
            return False
        return g._get_current_object() is self._g  # noqa: SLF001 - a proxy's way

    def _in_session(self, app: Quart) -> object:
        session = self._session
        name = app.session_interface.get_cookie_name(app)
        if not session.modified and name not in self._cookies():
            return None
        (found,) = unmarked(
            session, (self._analytics.settings.session_key or SESSION_KEY,)
        )
        return found


async def _request_started(app: Quart, **_: object) -> None:
    _begin(app, request_ctx)


async def _websocket_started(app: Quart, **_: object) -> None:
    _begin(app, websocket_ctx)


def _begin(app: Quart, running: Any) -> None:
    visit = running.request_websocket.scope.get(_VISIT_KEY)
    if isinstance(visit, _Visit):
        visit.begin(app, running)


# Of every app: which one a middleware is around is known only when it is called.
request_started.connect(_request_started)
websocket_started.connect(_websocket_started)


def _request(scope: Scope) -> BaseRequestWebsocket:
    """A request for user-supplied callables, where Quart has made none."""
    pairs = [
        (one.decode("latin-1"), two.decode("latin-1")) for one, two in scope["headers"]
    ]
    return BaseRequestWebsocket(
        scope.get("method", "GET"),
        scope["scheme"],
        scope["path"],
        scope["query_string"],
        Headers(pairs),
        scope.get("root_path", ""),
        scope.get("http_version", "1.1"),
        scope,  # type: ignore[arg-type]
    )


def lifespan(analytics: Analytics) -> Callable[[], AsyncGenerator[None, None]]:
    """
    Drain *analytics* at the app's end; for those who prefer it explicit.

    To be given to ``app.while_serving``. `SegmentMiddleware` alone is enough.

    Args:
        analytics: What to drain.
    """

    async def serving() -> AsyncGenerator[None, None]:
        async with asgi.lifespan(analytics)(None):
            yield

    return serving


def analytics_from(request: BaseRequestWebsocket) -> Analytics:
    """
    The `Analytics` that the calls of this request or websocket go to.

    Raises:
        ConfigurationError: No middleware is installed and there is no default.
    """
    return analytics_of(request.scope)  # type: ignore[arg-type]
