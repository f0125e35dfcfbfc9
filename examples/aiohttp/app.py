"""Run it with ``SEGMENT_WRITE_KEY=... python -m aiohttp.web app:make_app``."""

from html import escape

from aiohttp import web

from segment_integrations import identify, set_user, track, tracks
from segment_integrations.aiohttp import setup

TOKENS = {"a-token": "user-1"}


@web.middleware
async def authenticate(request, handler):
    user_id = TOKENS.get(request.cookies.get("token"))
    if user_id is not None:
        set_user(user_id)  # the events of this request are theirs
    return await handler(request)


async def product(request):
    slug = request.match_info["slug"]
    # A page call, named "/products/{slug}".
    return web.Response(text=f"<h1>{escape(slug)}</h1>", content_type="text/html")


async def signin(request):
    form = await request.post()
    identify("user-1", {"name": form["name"]})  # from the visitor to the user
    track("Signed In")
    response = web.json_response({"ok": True})
    response.set_cookie("token", "a-token", httponly=True)
    return response


@tracks("Checkout Started")
async def checkout(_):
    return web.json_response({"ok": True})


def make_app(_argv=None):
    app = web.Application(middlewares=[authenticate])
    app.router.add_get("/products/{slug}", product)
    app.router.add_post("/signin", signin)
    app.router.add_post("/checkout", checkout)
    setup(app, anonymous_cookie=True)
    return app
