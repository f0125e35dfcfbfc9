"""
The collector's Starlette app: Segment's HTTP Tracking API, and what reads it back.

Unlike Segment, which answers 200 to bad events and loses them, the collector answers
with the 4xx that `wire` finds, in JSON:
``{"success": false, "error": {"code": ..., "message": ..., "index": n}}``, where
`index` is there if one message of a batch is at fault.

Browsers on any origin may send; only pages of the collector itself may read.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from segment_integrations.dev.reading import Reading
from segment_integrations.dev.sending import OpenToBrowsers, Sending, settings

if TYPE_CHECKING:
    from starlette.requests import Request

    from segment_integrations.dev.sending import OnMessages, OnRefused
    from segment_integrations.dev.store import Store
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["create_app"]

_logger = logging.getLogger("segment_integrations")


def create_app(
    store: Store,
    *,
    host: str = "127.0.0.1",
    on_messages: OnMessages | None = None,
    on_refused: OnRefused | None = None,
    plan: TrackingPlan | None = None,
) -> Starlette:
    """
    Make the app that fills *store* and shows what is in it.

    Args:
        store: Stays the caller's to close.
        host: Where the app is served. Reading is open to requests whose Host header
            names it or this machine, which shuts out pages that resolve their own
            name to this machine (DNS rebinding); to all, if it is a wildcard.
        on_messages: Called with a request's messages after it was answered, in a
            worker thread.
        on_refused: Called with why a request was refused, on the event loop.
        plan: Each message is held up to it, and what breaks it is kept beside the
            message, as ``violations``.
    """
    sending = Sending(store, on_messages, on_refused, plan)
    reading = Reading(store, host)
    return Starlette(
        routes=[
            Route("/v1/projects/{write_key}/settings", settings),
            Route("/v1/{name}", sending.accept, methods=["POST"]),
            Route("/api/messages", reading.messages, methods=["GET"]),
            Route("/api/messages", reading.clear, methods=["DELETE"]),
            Route("/api/stats", reading.stats),
            Route("/", reading.page),
            Route("/rows", reading.rows),
            Route("/static/{name}", reading.asset),
            Route("/health", _health),
        ],
        exception_handlers={
            HTTPException: _http_error,
            ClientDisconnect: _disconnected,
            sqlite3.Error: _store_error,
        },
        middleware=[OpenToBrowsers.as_middleware()],
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"ok": True})


def _error(
    status: int, code: str, text: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"success": False, "error": {"code": code, "message": text}}
    return JSONResponse(body, status, headers)


def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
    code = {403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
    return _error(
        error.status_code,
        code.get(error.status_code, "bad_request"),
        error.detail,
        dict(error.headers or {}),
    )


def _disconnected(_request: Request, _gone: Exception) -> Response:
    """Answer nobody: the client left in the middle of its body."""
    return Response(status_code=400)


def _store_error(_request: Request, error: Exception) -> Response:
    """Answer so that a client keeps its events and tries again."""
    _logger.error("the collector's database failed: %s", error)
    return _error(503, "not_stored", f"the database failed: {error}")
