"""The Litestar application that the tests of servers run in a process of its own."""

from litestar import Litestar, MediaType, Request, get

from segment_integrations import track
from segment_integrations.litestar import SegmentMiddleware, SegmentPlugin


def shop(**options):
    """An application with one page, which is one event as well."""

    @get("/items/{item_id:int}", media_type=MediaType.HTML)
    async def item(request: Request) -> str:
        track("Item Viewed", {"item_id": request.path_params["item_id"]})
        return "<p>Hello"

    return Litestar([item], openapi_config=None, logging_config=None, **options)


plain = shop()


def plugged():
    """Make the application with the plugin; for ``--factory``."""
    return shop(plugins=[SegmentPlugin()])


def around():
    """Make the application with the middleware around it; for ``--factory``."""
    return SegmentMiddleware(shop())
