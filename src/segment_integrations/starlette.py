"""
Starlette: route templates, session identity, and the ASGI middleware around them.

What is read of the internals of Starlette and of FastAPI, which is built on it, is in
this file, and degrades to "absent".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from segment_integrations import asgi
from segment_integrations.asgi import Lifespan, Scope, analytics_of, lifespan
from segment_integrations.client import Analytics
from segment_integrations.core.current import RequestContext, VisitContext
from segment_integrations.core.gateways import ScopeInfo
from segment_integrations.core.marks import may_be_marked
from segment_integrations.core.privacy import merged, secrets
from segment_integrations.core.request import UNROUTED, Routing, Visited
from segment_integrations.core.users import user_identity
from segment_integrations.errors import ConfigurationError

__all__ = ["Lifespan", "SegmentMiddleware", "analytics_from", "lifespan"]

SESSION_KEY: Final = "user_id"
"""Where applications keep the signed-in user in Starlette's session."""

_ROUTES_MAX: Final = 1_024
_CONVERTOR = re.compile(r"{(\w+):[^}]*}")
_PARAMETER = re.compile(r"{(\w+)}")


class SegmentMiddleware(asgi.SegmentMiddleware):
    """
    For ``app.add_middleware(SegmentMiddleware, analytics=analytics)``.

    Works around the whole application too. Names pages by route template, and knows
    who is signed in by the session or Starlette's `AuthenticationMiddleware`.

    Raises:
        ConfigurationError: As for `asgi.SegmentMiddleware`; in `add_middleware` not at
            once, but when the server starts the application.
    """

    def __init__(
        self,
        app: asgi.ASGIApp = asgi._BY_NAME,  # noqa: SLF001 - our own
        /,
        analytics: Analytics | None = None,
        **settings: Any,
    ) -> None:
        self.known = _Known()
        try:
            super().__init__(app, analytics, **settings)
        except ConfigurationError as error:
            if isinstance(_inside(self.app), Starlette):
                raise
            # In `add_middleware` this runs when the lifespan begins, where servers
            # take an exception for "has no lifespan" and start all the same.
            self._failure = error

    def _context(self, scope: Scope) -> RequestContext:
        return VisitContext(self.analytics, _Visit(scope, self))


class _Known:
    """What is true of a route whoever asks for it, for those that were asked for."""

    def __init__(self) -> None:
        self.routes: dict[
            tuple[int, int], tuple[object, object, Routing | None, object]
        ] = {}
        """
        By the ids of a route and of FastAPI's context of it: both of them, which are
        kept so that no others can have their ids; the endpoint; what is known; of
        routes with parameters to mask, what matches the path.
        """

    def learn(
        self,
        key: tuple[int, int],
        route: object,
        context: object,
        scope: Scope,
        masks: frozenset[str],
    ) -> tuple[object, object, Routing | None, object]:
        """Find out about *route*, as it stands in *scope*; None where that fails."""
        matcher = _effective(route, scope)
        template = leaf_template(matcher)
        if len(self.routes) >= _ROUTES_MAX:
            self.routes.clear()
        bare = None if template is None else _routing(template, route, scope)
        names = tuple(scope.get("path_params") or ())
        reads = matcher if secrets(names, masks) else None
        endpoint = scope.get("endpoint")
        found = self.routes[key] = ((route, context), endpoint, bare, reads)
        return found


class _Visit(ScopeInfo, Visited):
    """
    One request, where it goes and whose it is.

    Where: by what the router puts into the scope, else matched again.

    Args:
        scope: The request's, before it is routed.
        middleware: Ours.
    """

    # Defaults on the class: most requests set few of them.
    _app: object = None
    _outside_path = ""
    """The root path that the outermost application has, as its routes see it."""
    _path: str | None = None
    _root_path: str | None = None
    _walked: Routing | None = None
    _route: object = None  # the one that `_found` was made of
    _found = UNROUTED
    _headers = taken = _cookies = _native = None

    def __init__(self, scope: Scope, middleware: SegmentMiddleware) -> None:
        self._scope = scope
        self._middleware = middleware
        # Routing changes the scope: the mount's prefix goes into root_path, and a
        # mounted app takes the place of the outermost one.
        self._before = {**scope}
        self.method = scope.get("method", "")

    @property
    def path(self) -> str:  # type: ignore[override]  # it is only read
        return self._path or self._placed()

    def _placed(self) -> str:
        """Find out where the application is, and so what the whole path was."""
        before = self._before
        path: str = before.get("path", "/")
        root_path = before.get("root_path", "")
        if "app" not in before or "app_root_path" in before:
            root_path = self.root_path
        self._outside_path = root_path
        if root_path and not path.startswith(root_path):
            path = root_path + path
        self._path = path
        return path

    @property
    def query_string(self) -> str:  # type: ignore[override]  # the same
        query: bytes = self._before.get("query_string", b"")
        return query.decode("latin-1")

    @property
    def native(self) -> object:
        """Starlette's own request."""
        scope = self._scope
        return Request(scope) if scope["type"] == "http" else HTTPConnection(scope)

    def detect(self) -> object:
        """Who is signed in, without marking the session as used."""
        user = self._scope.get("user")
        if user is not None and getattr(user, "is_authenticated", False):
            return user_identity(user)
        session = self._scope.get("session")
        if session is None or not isinstance(session, Mapping):
            return None
        settings = self._middleware.analytics.settings
        if settings.identity == "resolved":
            return None
        return session.get(settings.session_key or SESSION_KEY)

    @property
    def root_path(self) -> str:
        """Where the outermost application is mounted."""
        if self._root_path is None:
            before = self._before
            # What a router around us said of itself is not true further out.
            before.pop("fastapi", None)
            # In a mounted app the outermost router is there already.
            outside = before.get("app", self._middleware.app)
            self._app = before.get("router") or _inside(outside)
            # FastAPI's own setting; around the whole app it is not applied yet.
            own = getattr(self._app, "root_path", "")
            found = before.get("app_root_path", own or before.get("root_path"))
            before["root_path"] = self._root_path = found or ""
        return self._root_path

    def routing(self) -> Routing:
        """Where the request goes."""
        scope = self._scope
        route = scope.get("route")
        if route is not None:
            if route is self._route:
                return self._found
            if self._path is None:
                self._placed()
            if scope.get("root_path", "") == self._outside_path:
                endpoint = scope.get("endpoint")
                own = scope.get("fastapi")
                # In FastAPI one route stands for those of several routers.
                context = (
                    own.get("effective_route_context") if type(own) is dict else None
                )
                key = (id(route), id(context))
                known = self._middleware.known
                found = known.routes.get(key)
                if found is None or found[1] is not endpoint:
                    masks = self._middleware.analytics.settings.redact_path_params
                    found = known.learn(key, route, context, scope, masks)
                bare = found[2]
                if bare is not None:
                    params = scope.get("path_params") or {}
                    if found[3] is not None:
                        params = _texts(found[3], scope)
                    self._route = route
                    self._found = Routing(
                        bare.template,
                        bare.view,
                        params,
                        endpoint,
                        bare.is_internal,
                        bare.is_marked,
                    )
                    return self._found
        # A mount's own prefix is known only to the routes above it, and a middleware
        # that copies the scope keeps the route to itself.
        if self._walked is None:
            self._walked = self._walk()
        return self._walked

    def resolve(self, path: str) -> Routing:
        """Where a visit to *path* would go."""
        return self._walk(type="http", method="GET", path=path)

    def _walk(self, **changes: str) -> Routing:
        root_path = self.root_path  # finds the application as well
        routes = getattr(self._app, "routes", ())
        scope = {**self._before, "root_path": root_path, **changes}
        masks = self._middleware.analytics.settings.redact_path_params
        found, texts = _match(routes, scope, "", masks)
        if secrets(tuple(found.params), masks):
            return found.with_params(texts)
        return found


def _match(
    routes: Sequence[Any],
    scope: dict[str, Any],
    prefix: str,
    masks: frozenset[str],
    above: Mapping[str, str | None] = MappingProxyType({}),
) -> tuple[Routing, Mapping[str, str | None]]:
    """
    Match *routes* by hand, as their router would.

    Returns:
        Where it goes, and the parameters' texts: *above*, and those found here.
    """
    partial: tuple[Routing, Mapping[str, str | None]] | None = None
    for route in _flat(routes):
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        inner = {**scope, **child}
        texts = above
        if secrets(tuple(child.get("path_params") or ()), masks):
            texts = merged(above, _texts(route, scope))
        if _is_leaf(route):
            template = leaf_template(route)
            found = (
                UNROUTED
                if template is None
                else _routing(prefix + template, route, inner)
            )
            if match is Match.FULL:
                return found, texts
            partial = partial or (found, texts)
            continue
        app = _inside(getattr(route, "app", None))
        if isinstance(app, StaticFiles):
            return Routing(is_internal=True), texts
        mount = (normal_form(getattr(route, "path", None)) or "").rstrip("/")
        below = route.routes or getattr(app, "routes", ())
        return _match(below, inner, prefix + mount, masks, texts)
    return partial or (UNROUTED, above)


def _flat(routes: Sequence[Any]) -> Iterator[Any]:
    """*routes* with the routes of FastAPI's included routers in the routers' place."""
    for route in routes:
        # Since 0.137 an included router is one node.
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
            continue
        for context in contexts():
            yield getattr(context, "starlette_route", None) or context


def _texts(route: object, scope: Mapping[str, Any]) -> dict[str, str | None]:
    """The parameters of *route* as they stand in the path that it matched."""
    names = _PARAMETER.findall(normal_form(getattr(route, "path", None)) or "")
    path, root = scope["path"], scope.get("root_path") or ""
    below = path.removeprefix(root)
    if below[:1] in {"", "/"}:  # as Starlette has it
        path = below
    match = getattr(getattr(route, "path_regex", None), "match", lambda _: None)
    found = match(path)
    # Without those of a `Host`, which has no path, and a mount's own of what is below.
    return {one: found and found.groupdict().get(one) for one in names}


def _effective(route: object, scope: Mapping[str, Any]) -> object:
    """What has the whole path of the *route* that the router put into the scope."""
    found = scope.get("fastapi")
    if isinstance(found, Mapping):
        context = found.get("effective_route_context")
        if context is not None and getattr(context, "original_route", None) is route:
            # Since 0.137 the route itself has its own, unprefixed path only.
            return getattr(context, "starlette_route", None) or context
    return route


def leaf_template(route: object) -> str | None:
    """The template of a leaf *route*; None for a mount or a host."""
    if not _is_leaf(route):
        return None
    return normal_form(
        getattr(route, "path_format", None) or getattr(route, "path", None)
    )


def _is_leaf(route: object) -> bool:
    return getattr(route, "routes", None) is None


def _routing(template: str, route: object, scope: Mapping[str, Any]) -> Routing:
    endpoint = scope.get("endpoint")
    return Routing(
        template=template,
        view=getattr(route, "name", None) or getattr(endpoint, "__name__", None),
        params=scope.get("path_params") or {},
        endpoint=endpoint,
        is_internal=is_documentation(endpoint),
        is_marked=may_be_marked(endpoint),
    )


def _inside(app: object) -> object:
    """*app*, or what its wrappers are around: the first with routes, else the last."""
    for _ in range(32):  # a bound, for an app may well name itself
        inner = getattr(app, "app", None)
        if inner is None or getattr(app, "routes", None) is not None:
            break
        app = inner
    return app


def is_documentation(endpoint: object) -> bool:
    """True for the pages that FastAPI itself adds: /docs, /redoc, /openapi.json."""
    return getattr(endpoint, "__qualname__", "").startswith("FastAPI.setup.<locals>")


@lru_cache(maxsize=_ROUTES_MAX)
def normal_form(path: object) -> str | None:
    """A route's path without its convertors: ``/items/{id:int}`` to ``/items/{id}``."""
    if not isinstance(path, str):
        return None
    path = _CONVERTOR.sub(r"{\1}", path)
    return path if path.startswith("/") else f"/{path}"


def analytics_from(request: HTTPConnection) -> Analytics:
    """
    The `Analytics` that this request's calls go to.

    Raises:
        ConfigurationError: No middleware is installed and there is no default.
    """
    return analytics_of(request.scope)
