"""The aiohttp applications that the tests of servers run in processes of their own."""

import sys

from aiohttp import web

from segment_integrations import track
from segment_integrations.aiohttp import setup


def shop():
    """An application with one page, which is one event as well."""

    async def item(request):
        track("Item Viewed", {"item_id": int(request.match_info["item_id"])})
        return web.Response(text="<p>Hello", content_type="text/html")

    made = web.Application()
    made.router.add_get(r"/items/{item_id:\d+}", item)
    return made


def main(kind):
    """Serve until SIGTERM, and tell the address as other servers do."""
    app = shop()
    if kind != "plain":
        setup(app)

    def tell(text):
        # The port is in the addresses only once it listens.
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=tell)


if __name__ == "__main__":
    main(sys.argv[1])
