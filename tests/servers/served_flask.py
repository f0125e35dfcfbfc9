"""The served application in Flask."""

from __future__ import annotations

import served_common as common
from flask import Flask, Response, redirect, request, session, stream_with_context

from segment_integrations import identify, reset, set_user, track
from segment_integrations.flask import Segment


def make():
    app = Flask("served")
    app.secret_key = "a" * 32

    @app.get("/page/<int:number>")
    def page(number):
        headers = common.accepted(track("Viewed", {"n": number}))
        return Response(f"<p>{number}", headers=headers)

    @app.get("/who/<user>")
    @app.get("/awho/<user>")
    def who(user):
        set_user(user)
        track("Who", {"user": user})
        return f"<p>{user}"

    @app.get("/anybody")
    def anybody():
        track("Anybody")
        return "<p>anybody"

    @app.post("/login")
    def login():
        session["user_id"] = "7"
        identify("7")
        track("In")
        return redirect("/me")

    @app.get("/me")
    def me():
        track("Me")
        return "<p>me"

    @app.post("/logout")
    def logout():
        session.clear()
        reset()
        track("Out")
        return redirect("/")

    @app.get("/stream")
    def stream():
        def produce():
            yield from common.chunks()
            track("Streamed")

        return Response(stream_with_context(produce()))

    @app.get("/wide")
    def wide():
        return common.WIDE

    @app.get("/broken")
    def broken():
        raise RuntimeError(request.path)

    @app.get("/old")
    def old():
        return redirect("/page/1", 301)

    return app


def with_ours():
    app = make()
    Segment(app)
    return app


app = common.beside_wsgi(with_ours(), make())
