"""The sending side: the Tracking API's paths, its answers, and browsers' access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from segment_integrations.dev import wire

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from segment_integrations.core.message import Call
    from segment_integrations.dev.store import Store
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["OnMessages", "OnRefused", "OpenToBrowsers", "Sending", "settings"]

OnMessages = Callable[[Sequence[dict[str, Any]]], None]
"""Is told of a request's messages."""

OnRefused = Callable[[wire.RequestError], None]
"""Is told why a request was refused."""

_METRICS: Final = "m"  # analytics.js counts its own calls there: nobody's events
_DRAIN_BYTES: Final = 16 * 1024 * 1024
_CORS: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, x-retry-count, content-encoding",
    ),
    # Chrome asks before it lets a public page reach this machine.
    (b"access-control-allow-private-network", b"true"),
    (b"access-control-max-age", b"600"),
]


class Sending:
    """
    The endpoint of all sending paths.

    Args:
        store: Takes the messages.
        on_messages: As `create_app` has it.
        on_refused: As `create_app` has it.
        plan: As `create_app` has it.
    """

    def __init__(
        self,
        store: Store,
        on_messages: OnMessages | None,
        on_refused: OnRefused | None,
        plan: TrackingPlan | None = None,
    ) -> None:
        self._store = store
        self._plan = plan
        self._on_messages = on_messages
        self._on_refused = on_refused

    async def accept(self, request: Request) -> Response:
        """Store the request's messages, or answer why not."""
        name = request.path_params["name"]
        if name != _METRICS and name not in wire.PATHS:
            raise HTTPException(404, "the Tracking API has no such path")
        received_at = _now()
        try:
            body = await _read(request, wire.PATHS.get(name))
            if name == _METRICS:
                return JSONResponse({"success": True})
            messages = await run_in_threadpool(
                self._parse_and_store, request, body, received_at
            )
        except wire.RequestError as refused:
            if self._on_refused is not None:
                self._on_refused(refused)
            return JSONResponse(refused.body(), refused.status)
        tell = self._on_messages
        return JSONResponse(
            {"success": True},
            background=BackgroundTask(tell, messages) if tell else None,
        )

    def _parse_and_store(
        self, request: Request, body: bytes, received_at: str
    ) -> list[dict[str, Any]]:
        """Do both in one worker thread, so that the event loop does neither."""
        messages = wire.parse(
            body,
            call=wire.PATHS[request.path_params["name"]],
            content_encoding=request.headers.get("content-encoding", ""),
            authorization=request.headers.get("authorization", ""),
        )
        if self._plan is not None:
            messages = [
                {**message, "violations": _violations(message, self._plan)}
                for message in messages
            ]
        self._store.add(messages, received_at)
        return messages


def _violations(message: dict[str, Any], plan: TrackingPlan) -> list[dict[str, str]]:
    from segment_integrations.plan.enforcing.tell import is_own

    if is_own(message):  # tells of another's violations, and is in no plan
        return []
    return [one.wire for one in plan.check(message)]


class OpenToBrowsers:
    """
    ASGI middleware: pages of any origin may send, and read the answers to that.

    Nothing outside of ``/v1/`` is opened: what was received stays out of the reach
    of other pages.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @classmethod
    def as_middleware(cls) -> Middleware:
        """The entry for Starlette's `middleware` list."""
        return Middleware(cls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight here, and add the headers to all other answers."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_CORS]
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(status_code=204)(scope, receive, send_open)
        else:
            await self.app(scope, receive, send_open)


async def settings(request: Request) -> Response:
    """Give analytics.js the least it needs to start, and this host to send to."""
    segment = {
        "apiKey": request.path_params["write_key"],
        "apiHost": f"{request.headers.get('host') or request.url.netloc}/v1",
        "protocol": "http",
        "addBundledMetadata": False,
    }
    return JSONResponse(
        {"integrations": {"Segment.io": segment}, "metrics": {"sampleRate": 0}},
        headers={"Cache-Control": "no-store"},
    )


async def _read(request: Request, call: Call | None) -> bytes:
    """
    Read the body up to the limit of *call*.

    What is over the limit is read and thrown away, up to a point: a client that is
    cut off while it sends sees a broken pipe instead of the 413.
    """
    limit = wire.request_limit(call)
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
        elif size > _DRAIN_BYTES:
            break
    if size > limit:
        raise wire.too_large(call)
    return bytes(body)


def _now() -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")
