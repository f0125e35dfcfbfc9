"""
Starlette: route templates, session identity, and the ASGI middleware around them.

What is read of Starlette's internals is in this file, and degrades to "absent".
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import HTTPConnection, Request
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from segment_integrations import asgi
from segment_integrations.asgi import Lifespan, Scope, analytics_of, lifespan
from segment_integrations.client import Analytics
from segment_integrations.core.current import RequestContext
from segment_integrations.core.request import UNROUTED, Routing, from_scope

__all__ = ["Lifespan", "SegmentMiddleware", "analytics_from", "lifespan"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in Starlette's session."""

_CONVERTOR = re.compile(r"{(\w+):[^}]*}")
_USER_ATTRIBUTES: Final = ("identity", "id", "pk", "user_id", "username")
_RESOLVED_MAX: Final = 1_024


class SegmentMiddleware(asgi.SegmentMiddleware):
    """
    For ``app.add_middleware(SegmentMiddleware, analytics=analytics)``.

    Works around the whole application too. Names pages by route template, and knows
    who is signed in by the session or Starlette's `AuthenticationMiddleware`.
    """

    def __init__(
        self, app: asgi.ASGIApp, /, analytics: Analytics | None = None, **settings: Any
    ) -> None:
        super().__init__(app, analytics, **settings)
        self._referrers: OrderedDict[str, Routing] = OrderedDict()

    def _context(self, scope: Scope) -> RequestContext:
        # Routing changes the scope: the mount's prefix goes into root_path, and a
        # mounted app takes the place of the outermost one.
        before = dict(scope)
        app = _router_of(scope.get("app", self.app))
        # FastAPI's own setting; around the whole app we come before it is applied.
        before["root_path"] = getattr(app, "root_path", "") or scope.get(
            "root_path", ""
        )

        def native() -> object:
            is_http = scope["type"] == "http"
            return Request(scope) if is_http else HTTPConnection(scope)

        def resolve(path: str) -> Routing:
            found = self._referrers.get(path)
            if found is None:
                root_path = before.get("root_path", "")
                found = self._walked(app, {**before, "path": path, "method": "GET"})
                if found is UNROUTED and root_path and path.startswith(root_path):
                    inner = path.removeprefix(root_path) or "/"
                    found = self._walked(
                        app, {**before, "path": inner, "method": "GET"}
                    )
                self._referrers[path] = found
                if len(self._referrers) > _RESOLVED_MAX:
                    self._referrers.popitem(last=False)
            return found

        return self.analytics.request(
            from_scope(scope, native=native),
            routing=lambda: self._routing(scope, before, app),
            resolve=resolve,
            detect=lambda: self._detect(scope),
        ).context

    def _detect(self, scope: Scope) -> object:
        """Who is signed in, without marking the session as used."""
        user = scope.get("user")
        if user is not None and getattr(user, "is_authenticated", False):
            return user_identity(user)
        settings = self.analytics.settings
        session = scope.get("session")
        if settings.identity == "resolved" or not isinstance(session, Mapping):
            return None
        return session.get(settings.session_key or SESSION_KEY)

    def _routing(self, scope: Scope, before: Scope, app: object) -> Routing:
        route = scope.get("route")
        moved = scope.get("root_path", "") != before.get("root_path", "")
        template = self._template(route, scope) if route is not None else None
        if moved or template is None:
            # A mount's own prefix is known only to the routes above it, and a
            # middleware that copies the scope keeps the route to itself.
            return self._walked(app, before)
        return _routing(template, route, scope)

    def _template(
        self,
        route: object,
        scope: Mapping[str, Any],  # noqa: ARG002 - FastAPI's part reads it
    ) -> str | None:
        """The template of the *route* that the router put into the scope."""
        return leaf_template(route)

    def _flat(self, routes: Sequence[Any]) -> Iterable[Any]:
        """*routes* with each included router's own in its place."""
        return routes

    def _walked(self, app: object, scope: Mapping[str, Any]) -> Routing:
        """Match the routes of *app* by hand, as its router would."""
        return self._match(getattr(app, "routes", ()), dict(scope), "")

    def _match(
        self, routes: Sequence[Any], scope: dict[str, Any], prefix: str
    ) -> Routing:
        partial: Routing | None = None
        for route in self._flat(routes):
            match, child = route.matches(scope)
            if match is Match.NONE:
                continue
            inner = {**scope, **child}
            below = getattr(route, "routes", None)
            if below is not None:
                mount = normal_form(getattr(route, "path", "")) or ""
                found = self._match(below, inner, prefix + mount.rstrip("/"))
                if found is UNROUTED and _is_static(route):
                    return Routing(is_internal=True)
                return found
            template = leaf_template(route)
            found = (
                UNROUTED
                if template is None
                else _routing(prefix + template, route, inner)
            )
            if match is Match.FULL:
                return found
            partial = partial or found
        return partial or UNROUTED


def leaf_template(route: object) -> str | None:
    """The template of a leaf *route*; None for a mount or a host."""
    if getattr(route, "routes", None) is not None:
        return None
    return normal_form(
        getattr(route, "path_format", None) or getattr(route, "path", None)
    )


def _routing(template: str, route: object, scope: Mapping[str, Any]) -> Routing:
    endpoint = scope.get("endpoint")
    return Routing(
        template=template,
        view=getattr(route, "name", None) or getattr(endpoint, "__name__", None),
        params=scope.get("path_params") or {},
        endpoint=endpoint,
        is_internal=is_documentation(endpoint),
    )


def _router_of(app: object) -> object:
    """*app*, or the first thing inside its wrappers that has routes."""
    for _ in range(32):  # a bound, for an app may well name itself
        if app is None or getattr(app, "routes", None) is not None:
            break
        app = getattr(app, "app", None)
    return app


def _is_static(route: object) -> bool:
    return isinstance(getattr(route, "app", None), StaticFiles)


def is_documentation(endpoint: object) -> bool:
    """True for the pages that FastAPI itself adds: /docs, /redoc, /openapi.json."""
    return getattr(endpoint, "__qualname__", "").startswith("FastAPI.setup.<locals>")


def normal_form(path: object) -> str | None:
    """A route's path without its convertors: ``/items/{id:int}`` to ``/items/{id}``."""
    if not isinstance(path, str):
        return None
    path = _CONVERTOR.sub(r"{\1}", path)
    return path if path.startswith("/") else f"/{path}"


def user_identity(user: object) -> object:
    """The id of an authenticated user of Starlette's `AuthenticationMiddleware`."""
    for name in _USER_ATTRIBUTES:
        try:
            value = getattr(user, name, None)
        except NotImplementedError:  # BaseUser.identity is abstract by raising this
            continue
        if value:
            found: object = value
            return found
    return None


def analytics_from(request: HTTPConnection) -> Analytics:
    """
    The `Analytics` that this request's calls go to.

    Raises:
        ConfigurationError: No middleware is installed and there is no default.
    """
    return analytics_of(request.scope)
