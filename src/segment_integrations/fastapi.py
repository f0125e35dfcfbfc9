"""
FastAPI: the middleware of Starlette, and one dependency.

What is read of FastAPI's routing is in `segment_integrations.starlette`: a Starlette
application may have one of FastAPI's mounted.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from segment_integrations.client import Analytics
from segment_integrations.starlette import (
    Lifespan,
    SegmentMiddleware,
    analytics_from,
    lifespan,
)

__all__ = [
    "AnalyticsDep",
    "Lifespan",
    "SegmentMiddleware",
    "analytics_from",
    "lifespan",
]

AnalyticsDep = Annotated[Analytics, Depends(analytics_from)]
"""A parameter of an endpoint: ``async def checkout(analytics: AnalyticsDep)``."""
