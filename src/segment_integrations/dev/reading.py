"""The reading side: the JSON API and the inspector page, for this machine only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from segment_integrations.dev import inspector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from segment_integrations.dev.store import Order, Store, Stored

__all__ = ["Reading"]

CURSOR_HEADER: Final = "X-Cursor"
"""On answers that list messages: what to give as `after` for those that follow."""

READ_DEFAULT: Final = 100
"""Messages in one answer if `limit` is not given."""

READ_MAX: Final = 1000
"""The most messages in one answer."""

_CURSOR_MAX: Final = 2**63 - 1  # SQLite's greatest integer
_WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Reading:
    """
    The endpoints that show what is in *store*.

    Args:
        store: What to show.
        host: Where the app is served; see `create_app`.
    """

    def __init__(self, store: Store, host: str) -> None:
        self._store = store
        named = f"[{host}]" if ":" in host else host.lower()
        self._hosts = None if host in _WILDCARDS else _LOCAL | {named}

    async def messages(self, request: Request) -> Response:
        """
        Answer with a JSON array of messages, each with its `receivedAt`.

        Query: `limit` (1 to 1000, else 100), `order` (``desc``, which is newest
        first, or ``asc``) and `after`, the cursor that an earlier answer gave in
        its `X-Cursor` header.
        """
        self._guard(request)
        order: Order = "desc"
        match request.query_params.get("order", "desc"):
            case "asc":
                order = "asc"
            case "desc":
                pass
            case _:
                raise HTTPException(400, "order must be asc or desc")
        limit = _integer(request, "limit", READ_DEFAULT, 1, READ_MAX)
        after = _integer(request, "after", 0, 0, _CURSOR_MAX)
        found = await run_in_threadpool(
            self._store.read, limit=limit, after=after, order=order
        )
        return Response(
            b"[" + b",".join(row.body for row in found) + b"]",
            media_type="application/json",
            headers={"Cache-Control": "no-store", **_cursor(found, after)},
        )

    async def clear(self, request: Request) -> Response:
        """Forget all messages."""
        self._guard(request)
        await run_in_threadpool(self._store.clear)
        return JSONResponse({"success": True})

    async def stats(self, request: Request) -> Response:
        """Answer with how many messages there are, and how many came again."""
        self._guard(request)
        messages, duplicates = await run_in_threadpool(self._store.counts)
        return JSONResponse({"messages": messages, "duplicates": duplicates})

    async def page(self, request: Request) -> Response:
        """Answer with the inspector page."""
        self._guard(request)
        found = await run_in_threadpool(
            self._store.read, limit=READ_DEFAULT, order="desc"
        )
        address = f"http://{request.headers.get('host') or request.url.netloc}"
        return Response(
            inspector.page(found, address),
            media_type="text/html",
            headers=inspector.HEADERS,
        )

    async def rows(self, request: Request) -> Response:
        """Answer with the inspector's rows that come after a cursor, newest first."""
        self._guard(request)
        after = _integer(request, "after", 0, 0, _CURSOR_MAX)
        found = await run_in_threadpool(
            self._store.read, limit=READ_DEFAULT, after=after, order="desc"
        )
        return Response(
            inspector.rows(found),
            media_type="text/html",
            headers={**inspector.HEADERS, **_cursor(found, after)},
        )

    async def asset(self, request: Request) -> Response:
        """Answer with the inspector's script or style."""
        found = inspector.asset(request.path_params["name"])
        if found is None:
            raise HTTPException(404, "there is no such file")
        content, media_type = found
        return Response(content, media_type=media_type, headers=inspector.HEADERS)

    def _guard(self, request: Request) -> None:
        """Refuse a page that made its own name point at this machine."""
        name = _host_name(request.headers.get("host", ""))
        if self._hosts is not None and name not in self._hosts:
            raise HTTPException(403, "open the collector by its own address")


def _host_name(header: str) -> str:
    """The name in a Host header, lower-case and without the port."""
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


def _cursor(found: Sequence[Stored], after: int) -> dict[str, str]:
    return {CURSOR_HEADER: str(max((row.cursor for row in found), default=after))}


def _integer(request: Request, name: str, default: int, least: int, most: int) -> int:
    """Read a whole number from the query, or answer 400."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and least <= int(text[:20]) <= most:
        return int(text)
    raise HTTPException(400, f"{name} must be a whole number, {least} to {most}")
