"""FastAPI: Starlette's middleware, included routers' templates, and one dependency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import fastapi.routing
from fastapi import Depends

from segment_integrations import starlette as base
from segment_integrations.asgi import Lifespan, lifespan
from segment_integrations.client import Analytics
from segment_integrations.starlette import analytics_from, normal_form

__all__ = [
    "AnalyticsDep",
    "Lifespan",
    "SegmentMiddleware",
    "analytics_from",
    "lifespan",
]

iter_route_contexts: Any = getattr(fastapi.routing, "iter_route_contexts", None)

AnalyticsDep = Annotated[Analytics, Depends(analytics_from)]
"""A parameter of an endpoint: ``async def checkout(analytics: AnalyticsDep)``."""


class SegmentMiddleware(base.SegmentMiddleware):
    """
    For ``app.add_middleware(SegmentMiddleware, analytics=analytics)``.

    Knows the whole template of a route in an included router, prefix and all.
    """

    def _template(self, route: object, scope: Mapping[str, Any]) -> str | None:
        found = scope.get("fastapi")
        if isinstance(found, Mapping):
            path = getattr(found.get("effective_route_context"), "path", None)
            if path is not None:
                # Since 0.137 the route itself has its own, unprefixed path only.
                return normal_form(path)
        return super()._template(route, scope)

    def _flat(self, routes: Sequence[Any]) -> Iterable[Any]:
        # Since 0.137 an included router is one node; this is its public view.
        contexts: Iterable[Any] = (
            routes if iter_route_contexts is None else iter_route_contexts(routes)
        )
        return contexts
