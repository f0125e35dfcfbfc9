"""FastAPI, with sync or async endpoints in an included router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers import starlette
from fastapi import APIRouter, FastAPI
from neutral import ALL_METHODS

from segment_integrations.fastapi import SegmentMiddleware

SESSION_KEY = starlette.SESSION_KEY
resolve = starlette.resolve


def add_route(app: FastAPI, path: str, serve: Callable[..., Any]) -> None:
    router = APIRouter()
    router.add_api_route(path, serve, methods=list(ALL_METHODS), response_model=None)
    app.include_router(router)


class App(starlette.App):
    """The app; its clients are Starlette's."""

    make = FastAPI
    middleware = SegmentMiddleware
    add_route = staticmethod(add_route)
