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
from segment_integrations.core.current import RequestContext
from segment_integrations.core.gateways import from_scope
from segment_integrations.core.request import UNROUTED, Routing
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


class SegmentMiddleware(asgi.SegmentMiddleware):
    """
    For ``app = SegmentMiddleware(app, analytics=analytics)``, around the whole.

    Names pages by route template, and knows who is signed in by `request.user` or the
    session.

    Raises:
        ConfigurationError: As for `asgi.SegmentMiddleware`.
    """

    def _context(self, scope: Scope) -> RequestContext:
        def native() -> object:
            connection: Any = scope
            is_http = scope["type"] == "http"
            return Request(connection) if is_http else ASGIConnection(connection)

        info = from_scope(scope, native=native)
        if "route_handler" in scope:
            info.path = _asked(scope)
        routes = _Routes(scope, self.app, info.path)
        return RequestContext(
            self.analytics,
            info,
            routing=routes.routing,
            resolve=routes.resolve,
            detect=lambda: self._detect(scope),
        )

    def _detect(self, scope: Scope) -> object:
        """Who is signed in; Litestar loads the session before each request anyway."""
        found = user_identity(scope.get("user"))
        if found is not None:
            return found
        settings = self.analytics.settings
        session = scope.get("session")
        if settings.identity == "resolved" or not isinstance(session, Mapping):
            return None
        return session.get(settings.session_key or SESSION_KEY)

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


class _Routes:
    """
    Where a request goes: by what the router puts into its scope, else asked again.

    Args:
        scope: The request's.
        app: What the middleware is around.
        path: What was asked for.
    """

    __slots__ = ("_app", "_asked", "_path", "_scope")

    def __init__(self, scope: Scope, app: object, path: str) -> None:
        self._scope = scope
        self._app = app
        self._path = path
        self._asked: Routing | None = None

    def routing(self) -> Routing:
        """Where the request goes."""
        scope = self._scope
        handler = scope.get("route_handler")
        if handler is not None:
            return _routing(handler, scope.get("path_template"), scope["path"])
        # Not routed yet, or below a middleware that copies the scope; or unmatched.
        if self._asked is None:
            if self._router() is None:
                return UNROUTED
            self._asked = self.resolve(self._path, scope.get("method")) or Routing()
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
            return _routing(handler, template, path)
        return None

    def _router(self) -> Any:
        app: Any = self._scope.get("litestar_app")
        if app is None:
            app = self._app
            for _ in range(32):  # a bound, for an app may well name itself
                if app is None or isinstance(app, Litestar):
                    break
                app = getattr(app, "app", None)
        return getattr(app, "asgi_router", None)


def _routing(handler: Any, template: str | None, path: str) -> Routing:
    """
    A matched *handler* as a `Routing`.

    Args:
        handler: Litestar's handler.
        template: The route's path in Litestar's form, which is the normal one.
        path: The path that it matched, as the router has made it.
    """
    if getattr(handler, "is_mount", False) or not template:
        # Of an application that is mounted no route is known here.
        return Routing(is_internal=bool(getattr(handler, "is_static", False)))
    view = getattr(handler, "fn", None)
    view = getattr(view, "func", view)  # what a thread is to run
    module = getattr(view, "__module__", None) or ""
    return Routing(
        template=template,
        view=getattr(handler, "name", None) or getattr(view, "__name__", None),
        params=_params(template, path),
        endpoint=view,
        # Static files, and the pages of API documentation.
        is_internal=module.partition(".")[0] == "litestar",
    )


def _params(template: str, path: str) -> dict[str, object]:
    """The parameters as they stand in *path*: it is there that secrets are masked."""
    given = [one for one in path.split("/") if one]
    names = [one for one in template.split("/") if one]
    found: dict[str, object] = {}
    for number, name in enumerate(names):
        if name.startswith("{"):
            # Only a path's own type takes more than one segment, and is the last.
            is_last = number + 1 == len(names)
            parts = given[number:] if is_last else given[number : number + 1]
            found[name.strip("{}")] = "/".join(parts)
    return found


def _asked(scope: Scope) -> str:
    """The path that was asked for, of a scope whose path the router has changed."""
    raw = scope.get("raw_path")
    path: str = scope["path"]
    if raw:
        # Some test clients leave the query in it.
        path = unquote_to_bytes(raw.partition(b"?")[0]).decode("utf-8", "replace")
    root: str = scope.get("root_path", "")
    return path if path.startswith(root) else root + path


def analytics_from(request: ASGIConnection[Any, Any, Any, Any]) -> Analytics:
    """
    The `Analytics` that this request's calls go to.

    Raises:
        ConfigurationError: No middleware is installed and there is no default.
    """
    return analytics_of(request.scope)  # type: ignore[arg-type]
