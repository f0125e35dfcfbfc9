"""
Litestar: route templates, who is signed in, and the ASGI middleware around them.

Litestar runs middlewares inside of a route, where the path is no longer what was asked
for and unmatched requests never come. `SegmentPlugin` puts one there and looks at the
responses of the others; `SegmentMiddleware` goes around a whole application as well.
What is read of Litestar's internals is in this file, and degrades to "absent".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.middleware import DefineMiddleware
from litestar.plugins import InitPluginProtocol
from litestar.utils import normalize_path

from segment_integrations import asgi
from segment_integrations.asgi import KEY, Scope, analytics_of, lifespan
from segment_integrations.core.current import RequestContext, VisitContext
from segment_integrations.core.gateways import ScopeInfo
from segment_integrations.core.marks import may_be_marked
from segment_integrations.core.request import UNROUTED, Routing, Visited
from segment_integrations.core.users import user_identity

if TYPE_CHECKING:
    from litestar.config.app import AppConfig
    from litestar.types import Message
    from litestar.types import Scope as LitestarScope

    from segment_integrations.client import Analytics

__all__ = ["SegmentMiddleware", "SegmentPlugin", "analytics_from", "lifespan"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in Litestar's session."""

_OTHER_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
_ROUTES_MAX: Final = 1_024


class SegmentMiddleware(asgi.SegmentMiddleware):
    """
    For ``app = SegmentMiddleware(app, analytics=analytics)``, around the whole.

    Names pages by route template, and knows who is signed in by `request.user` or the
    session.

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
        self.known = _Known()

    def _context(self, scope: Scope) -> RequestContext:
        return VisitContext(self.analytics, _Visit(scope, self))

    async def unrouted(self, message: Message, scope: LitestarScope) -> None:
        """Look at a response that starts where no route's middleware has been."""
        given: Any = scope
        if message["type"] != "http.response.start" or KEY in given:
            return
        if given["type"] != "http" or not self.analytics.settings.enabled:
            return
        with self.analytics.throttle.guard("response"):
            context = self._context(given)
            changed, response = self._start(context, message)  # type: ignore[arg-type]
            message.update(changed)  # type: ignore[typeddict-item]
            context.observe(response)


class SegmentPlugin(InitPluginProtocol):
    """
    For ``Litestar(..., plugins=[SegmentPlugin(analytics=analytics)])``.

    Binds the context of each request, sends its page call, and drains when the
    application has shut down.

    Args:
        analytics: Where the calls go; by default one is made of *settings* and the
            environment.
        settings: As for `Analytics`.

    Raises:
        ConfigurationError: A setting is missing, unknown or wrong.
    """

    def __init__(self, analytics: Analytics | None = None, **settings: Any) -> None:
        self._outside = SegmentMiddleware(analytics=analytics, **settings)
        self.analytics = self._outside.analytics

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Take part in the application; called by Litestar."""
        inside: Any = SegmentMiddleware
        app_config.middleware.insert(
            0, DefineMiddleware(inside, analytics=self.analytics)
        )
        app_config.before_send.append(self._outside.unrouted)
        # Comes after the lifespan managers and the event listeners have ended.
        app_config.on_shutdown.append(self._drain)
        return app_config

    async def _drain(self) -> None:
        async with lifespan(self.analytics)(None):
            pass


class _Visit(ScopeInfo, Visited):
    """
    One request, where it goes and whose it is.

    Where: by what the router puts into the scope, else asked again.

    Args:
        scope: The request's.
        middleware: Ours.
    """

    # Defaults on the class: most requests set few of them.
    _asked: Routing | None = None
    _path: str | None = None
    _headers = taken = _cookies = _native = None

    def __init__(self, scope: Scope, middleware: SegmentMiddleware) -> None:
        self._scope = scope
        self._middleware = middleware
        self._before = {**scope}  # routing changes the scope
        self.method = scope.get("method", "")

    @property
    def path(self) -> str:  # type: ignore[override]  # it is only read
        if self._path is None:
            before = self._before
            if "route_handler" in before:
                self._path = _asked(before)
            else:
                self._path = _below(before, before.get("path", "/"))
        return self._path

    @property
    def query_string(self) -> str:  # type: ignore[override]  # the same
        query: bytes = self._before.get("query_string", b"")
        return query.decode("latin-1")

    @property
    def native(self) -> object:
        """Litestar's own request."""
        scope: Any = self._scope
        return Request(scope) if scope["type"] == "http" else ASGIConnection(scope)

    def detect(self) -> object:
        """Who is signed in; Litestar loads the session before each request anyway."""
        scope = self._scope
        user = scope.get("user")
        if user is not None:
            found = user_identity(user)
            if found is not None:
                return found
        session = scope.get("session")
        if session is None or not isinstance(session, Mapping):
            return None
        settings = self._middleware.analytics.settings
        if settings.identity == "resolved":
            return None
        return session.get(settings.session_key or SESSION_KEY)

    def routing(self) -> Routing:
        """Where the request goes."""
        scope = self._scope
        handler = scope.get("route_handler")
        if handler is not None:
            template = scope.get("path_template")
            return self._middleware.known.of(handler, template, scope["path"])
        # Not routed yet, or below a middleware that copies the scope; or unmatched.
        if self._asked is None:
            if self._router() is None:
                return UNROUTED
            self._asked = self.resolve(self.path, scope.get("method")) or Routing()
        return self._asked

    def resolve(self, path: str, method: str | None = "GET") -> Routing | None:
        """Where a visit to *path* would go."""
        router = self._router()
        if router is None:
            return None
        root = self._scope.get("root_path", "")
        path = normalize_path(path.removeprefix(root))
        for one in (method, *_OTHER_METHODS):
            try:
                found = router.handle_routing(path=path, method=one)
            except MethodNotAllowedException:
                continue
            except HTTPException:  # nothing matches
                return None
            _, handler, _, _, template = found
            return self._middleware.known.of(handler, template, path)
        return None

    def _router(self) -> Any:
        app: Any = self._scope.get("litestar_app")
        if app is None:
            app = self._middleware.app
            for _ in range(32):  # a bound, for an app may well name itself
                if app is None or isinstance(app, Litestar):
                    break
                app = getattr(app, "app", None)
        return getattr(app, "asgi_router", None)


class _Known:
    """What is true of a route whoever visits it, for those that were visited."""

    def __init__(self) -> None:
        self._routes: dict[
            tuple[int, str | None], tuple[object, Routing, list[tuple[str, slice]]]
        ] = {}

    def of(self, handler: Any, template: str | None, path: str) -> Routing:
        """
        A matched *handler* as a `Routing`.

        Args:
            handler: Litestar's handler.
            template: The route's path in Litestar's form, which is the normal one.
            path: The path that it matched, as the router has made it.
        """
        key = (id(handler), template)
        found = self._routes.get(key)
        if found is None:
            if len(self._routes) >= _ROUTES_MAX:
                self._routes.clear()
            bare = _routing(handler, template)
            # The handler is kept, so that no other can have its id.
            found = self._routes[key] = (handler, bare, _places(bare.template))
        _, bare, places = found
        if not places:
            return bare
        # As they stand in the path: it is there that secrets are masked.
        given = list(filter(None, path.split("/")))
        return Routing(
            bare.template,
            bare.view,
            {name: "/".join(given[place]) for name, place in places},
            bare.endpoint,
            bare.is_internal,
            bare.is_marked,
        )


def _routing(handler: Any, template: str | None) -> Routing:
    if getattr(handler, "is_mount", False) or not template:
        # Of an application that is mounted no route is known here.
        return Routing(is_internal=bool(getattr(handler, "is_static", False)))
    view = getattr(handler, "fn", None)
    view = getattr(view, "func", view)  # what a thread is to run
    module = getattr(view, "__module__", None) or ""
    return Routing(
        template=template,
        view=getattr(handler, "name", None) or getattr(view, "__name__", None),
        endpoint=view,
        # Static files, and the pages of API documentation.
        is_internal=module.partition(".")[0] == "litestar",
        is_marked=may_be_marked(view),
    )


def _places(template: str | None) -> list[tuple[str, slice]]:
    """Each parameter of *template*, and which of a path's segments are its own."""
    names = [one for one in (template or "").split("/") if one]
    return [
        # Only a path's own type takes more than one segment, and is the last.
        (name.strip("{}"), slice(at, None if at + 1 == len(names) else at + 1))
        for at, name in enumerate(names)
        if name.startswith("{")
    ]


def _asked(scope: Scope) -> str:
    """The path that was asked for, of a scope whose path the router has changed."""
    raw = scope.get("raw_path")
    path: str = scope["path"]
    if raw:
        # Some test clients leave the query in it.
        raw = raw.partition(b"?")[0]
        if b"%" in raw:
            raw = unquote_to_bytes(raw)
        path = raw.decode("utf-8", "replace")
    return _below(scope, path)


def _below(scope: Scope, path: str) -> str:
    """*path* with where the application is mounted; some proxies strip that."""
    root: str = scope.get("root_path", "")
    return path if path.startswith(root) else root + path


def analytics_from(request: ASGIConnection[Any, Any, Any, Any]) -> Analytics:
    """
    The `Analytics` that this request's calls go to.

    Raises:
        ConfigurationError: No middleware is installed and there is no default.
    """
    return analytics_of(request.scope)  # type: ignore[arg-type]
