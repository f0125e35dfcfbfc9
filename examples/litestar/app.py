"""Run it with ``SEGMENT_WRITE_KEY=... litestar --app app:app run``."""

from html import escape
from os import urandom

from litestar import Litestar, MediaType, Request, get, post
from litestar.middleware.session.client_side import CookieBackendConfig

from segment_integrations import identify, reset, track, tracks
from segment_integrations.litestar import SegmentPlugin


@get("/products/{slug:str}", media_type=MediaType.HTML)
async def product(request: Request) -> str:
    slug = request.path_params["slug"]
    return f"<h1>{escape(slug)}</h1>"  # a page call, named "/products/{slug}"


@post("/signin")
async def signin(request: Request) -> dict[str, bool]:
    form = await request.form()
    request.session["user_id"] = "user-1"  # read by default: later requests are theirs
    identify("user-1", {"name": form["name"]})  # from the visitor to the user
    track("Signed In")
    return {"ok": True}


@post("/signout")
async def signout(request: Request) -> dict[str, bool]:
    request.clear_session()
    reset()
    return {"ok": True}


@post("/checkout")
@tracks("Checkout Started")
async def checkout() -> dict[str, bool]:
    return {"ok": True}


app = Litestar(
    [product, signin, signout, checkout],
    middleware=[CookieBackendConfig(secret=urandom(16)).middleware],
    plugins=[SegmentPlugin(anonymous_cookie=True)],
)
