"""Run it with ``SEGMENT_WRITE_KEY=... hypercorn app:app``."""

import secrets
from html import escape

from quart import Quart, request, session

from segment_integrations import identify, reset, track, tracks
from segment_integrations.quart import SegmentMiddleware

app = Quart(__name__)
app.config["SECRET_KEY"] = secrets.token_hex()
app.asgi_app = SegmentMiddleware(app.asgi_app, anonymous_cookie=True)


@app.get("/products/<slug>")
async def product(slug):
    return f"<h1>{escape(slug)}</h1>"  # a page call, named "/products/{slug}"


@app.post("/signin")
async def signin():
    form = await request.form
    session["user_id"] = "user-1"  # read by default: later requests are theirs
    identify("user-1", {"name": form["name"]})  # from the visitor to the user
    track("Signed In")
    return {"ok": True}


@app.post("/signout")
async def signout():
    session.clear()
    reset()
    return {"ok": True}


@app.post("/checkout")
@tracks("Checkout Started")
async def checkout():
    return {"ok": True}
