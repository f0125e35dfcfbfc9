"""
Quart: route templates and who is signed in, and the ASGI middleware around them.

Quart forgets a request before its response starts, so that what is needed of it is
taken when the request begins, from Quart's own signals. What is read of the internals
of Quart and of Quart-Auth is in this file, and degrades to "absent".
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import quart.globals
from quart.signals import request_started, websocket_started
from quart.wrappers import BaseRequestWebsocket
from werkzeug.datastructures import Headers

from segment_integrations import asgi
from segment_integrations.asgi import KEY, Scope, analytics_of
from segment_integrations.core.current import VisitContext
from segment_integrations.core.gateways import ScopeInfo
from segment_integrations.core.request import UNROUTED, Routing, Visited
from segment_integrations.pallets import Known, resolved, unmarked

if TYPE_CHECKING:
    from quart import Quart
    from werkzeug.routing import MapAdapter

    from segment_integrations.client import Analytics
    from segment_integrations.core.current import RequestContext
    from segment_integrations.pallets import Matched

__all__ = ["SegmentMiddleware", "analytics_from", "lifespan"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in Quart's session."""

_RESOLVED_MAX: Final = 1_024
_NOWHERE: Final = Routing()
_NO_SCOPE: Final[Scope] = {}

# Quart's own variables: a step by one of its proxies is five calls.
_GLOBALS: Final = vars(quart.globals)
_APP: Final[Any] = _GLOBALS.get("_cv_app")
# Since Quart 0.23 there is one context variable instead of three.
_REQUEST: Final[Any] = _GLOBALS.get("_cv_request", _APP)
_WEBSOCKET: Final[Any] = _GLOBALS.get("_cv_websocket", _APP)


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
        self.known = Known()
        self._referrers: dict[object, Routing | None] = {}

    def _context(self, scope: Scope) -> RequestContext:
        visit = _Visit(scope)
        visit.middleware = self
        return VisitContext(self.analytics, visit)

    def resolve(self, adapter: MapAdapter, path: str) -> Routing | None:
        """Route another *path* of the app; those that were asked for are kept."""
        site = adapter.map, adapter.server_name, adapter.subdomain
        key = (*site, adapter.script_name, path)
        if key not in self._referrers:
            if len(self._referrers) >= _RESOLVED_MAX:
                self._referrers.clear()
            self._referrers[key] = resolved(adapter, path)
        return self._referrers[key]


class _Visit(ScopeInfo, Visited):
    """One request or websocket, and what Quart knows of it."""

    middleware: SegmentMiddleware

    # Defaults on the class: a request that a layer answers first sets none of them.
    _app: Quart | None = None
    _g: Any = None
    _request: Callable[[], object] | None = None
    _session: Any = None
    _url_adapter: MapAdapter | None = None
    _matched: Matched | None = None
    _routing: Routing = UNROUTED

    def begin(self, app: Quart, running: Any, request: Any) -> None:
        """*app* has opened the session and matched the *request*."""
        try:
            self._g = _APP.get().g
            self._request = weakref.ref(request)  # it has the scope
            # Quart's property marks the session as used, since 0.23.
            state = vars(running)
            self._session = state.get("_session", state.get("session"))
            self._url_adapter = running.url_adapter
            rule = request.url_rule
            if rule is None:
                self._routing = _NOWHERE
            else:
                args = request.view_args or {}
                self._matched = rule, args, request.path, request.method
            self._app = app
        except Exception as error:  # noqa: BLE001 - never the request's
            self.middleware.analytics.throttle.failed("request_started", error)

    @property
    def native(self) -> object:
        """Quart's request; before there is one, another of its kind."""
        found = None if self._request is None else self._request()
        return _request(self._scope) if found is None else found

    def routing(self) -> Routing:
        """Where Quart routed the request."""
        matched, app = self._matched, self._app
        if self._routing is UNROUTED and matched is not None and app is not None:
            view = app.view_functions.get(matched[0].endpoint)
            self._routing = self.middleware.known.of(matched, view)
        return self._routing

    def resolve(self, path: str) -> Routing | None:
        """Route another path of this app."""
        adapter = self._url_adapter
        return None if adapter is None else self.middleware.resolve(adapter, path)

    def detect(self) -> object:
        """Tell who is signed in, without marking the session as used."""
        app = self._app
        if app is None:
            return None
        settings = self.middleware.analytics.settings
        may_load = settings.identity != "resolved"
        for extension in app.extensions.get("QUART_AUTH", ()):
            user = getattr(self._g, extension.attribute_name, None)
            if user is None and may_load and self._is_running():
                # As it does itself at the end of each request: by a signed cookie.
                user = extension.load_user()
            if user is not None and user.auth_id is not None:
                return user.auth_id
        if not may_load:
            return None
        session = self._session
        if not session.modified:
            name = app.session_interface.get_cookie_name(app)
            if self.cookie(name) is None:
                return None
        (found,) = unmarked(session, (settings.session_key or SESSION_KEY,))
        return found

    def _is_running(self) -> bool:
        if _asked(_REQUEST.get(None)) is None and _asked(_WEBSOCKET.get(None)) is None:
            return False
        running = _APP.get(None)
        return running is not None and running.g is self._g


def _asked(running: Any) -> Any:
    """The request or websocket of one of Quart's contexts, or None."""
    if running is None:
        return None
    found = vars(running).get("request_websocket")
    return getattr(running, "_request_websocket", None) if found is None else found


def _receiver(variable: Any) -> Callable[..., Coroutine[None, None, None]]:
    """What Quart is to call when the request or websocket of *variable* begins."""

    async def started(app: Quart, **_: object) -> None:
        running = variable.get()
        request = _asked(running)
        visit = getattr(getattr(request, "scope", _NO_SCOPE).get(KEY), "info", None)
        # Unless a view passes its scope on to another application.
        if type(visit) is _Visit and visit._app is None:  # noqa: SLF001 - our own
            visit.begin(app, running, request)

    return started


# Of every app: which one a middleware is around is known only when it is called.
for signal, variable in (request_started, _REQUEST), (websocket_started, _WEBSOCKET):
    if variable is not None:
        signal.connect(_receiver(variable), weak=False)


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
