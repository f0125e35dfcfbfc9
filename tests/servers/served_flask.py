"""The served application in Flask."""

from __future__ import annotations

import served_common as common
from flask import (
    Blueprint,
    Flask,
    Response,
    redirect,
    request,
    session,
    stream_with_context,
)

from segment_integrations import identify, reset, set_user, track
from segment_integrations.flask import Segment

views = Blueprint("views", __name__)


@views.get("/page/<int:number>")
def page(number):
    headers = common.accepted(track("Viewed", {"n": number}))
    return Response(f"<p>{number}", headers=headers)


@views.get("/who/<user>")
@views.get("/awho/<user>")
def who(user):
    set_user(user)
    track("Who", {"user": user})
    return f"<p>{user}"


@views.get("/anybody")
def anybody():
    track("Anybody")
    return "<p>anybody"


@views.post("/login")
def login():
    session["user_id"] = "7"
    identify("7")
    track("In")
    return redirect("/me")


@views.get("/me")
def me():
    track("Me")
    return "<p>me"


@views.post("/logout")
def logout():
    session.clear()
    reset()
    track("Out")
    return redirect("/")


@views.get("/stream")
def stream():
    def produce():
        yield from common.chunks()
        track("Streamed")

    return Response(stream_with_context(produce()))


@views.get("/wide")
def wide():
    return common.WIDE


@views.get("/broken")
def broken():
    raise RuntimeError(request.path)


@views.get("/old")
def old():
    return redirect("/page/1", 301)


def make():
    app = Flask("served")
    app.secret_key = "a" * 32
    app.register_blueprint(views)
    return app


def with_ours():
    app = make()
    Segment(app)
    return app


app = common.beside_wsgi(with_ours(), make())
