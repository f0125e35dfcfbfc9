"""Applications that the tests of servers run in processes of their own."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from segment_integrations import track
from segment_integrations.fastapi import SegmentMiddleware


def shop():
    """An application with one page, which is one event as well."""
    made = FastAPI()

    @made.get("/items/{item_id}")
    async def item(item_id: int):
        track("Item Viewed", {"item_id": item_id})
        return HTMLResponse("<p>Hello")

    return made


plain = shop()

added = shop()
added.add_middleware(SegmentMiddleware)

wrong = shop()
wrong.add_middleware(SegmentMiddleware, flush_at="many")


def around():
    """Make the application with the middleware around it; for ``--factory``."""
    return SegmentMiddleware(shop())
