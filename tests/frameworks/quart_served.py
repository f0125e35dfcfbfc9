"""The Quart application that the tests of servers run in a process of its own."""

from __future__ import annotations

from quart import Quart

from segment_integrations import track
from segment_integrations.quart import SegmentMiddleware


def shop():
    """An application with one page, which is one event as well."""
    made = Quart(__name__)

    @made.get("/items/<int:item_id>")
    async def item(item_id):
        track("Item Viewed", {"item_id": item_id})
        return "<p>Hello"

    return made


plain = shop()

app = shop()
app.asgi_app = SegmentMiddleware(app.asgi_app)
