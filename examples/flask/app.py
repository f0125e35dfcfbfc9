"""Run it with ``SEGMENT_WRITE_KEY=... gunicorn app:app``."""

import secrets
from html import escape

from flask import Flask, request, session

from segment_integrations import identify, reset, track, tracks
from segment_integrations.flask import Segment

app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_hex(), SEGMENT_ANONYMOUS_COOKIE=True)
Segment(app)


@app.get("/products/<slug>")
def product(slug):
    return f"<h1>{escape(slug)}</h1>"  # a page call, named "/products/{slug}"


@app.post("/signin")
def signin():
    session["user_id"] = "user-1"  # read by default: later requests are theirs
    identify("user-1", {"name": request.form["name"]})  # from the visitor to the user
    track("Signed In")
    return {"ok": True}


@app.post("/signout")
def signout():
    session.clear()
    reset()
    return {"ok": True}


@tracks("Checkout Started", from_args=["currency", "value"])
def start_checkout(currency, value):
    """What `@tracks` is put on may be any function that a request calls."""


@app.post("/checkout")
def checkout():
    start_checkout(request.form["currency"], float(request.form["value"]))
    return {"ok": True}
