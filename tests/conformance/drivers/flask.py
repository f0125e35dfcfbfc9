"""Flask, whose views are sync."""

from __future__ import annotations

from collections.abc import Callable

import flask_login
from drivers.sharing import Built, InThreads, dressed, flask_app, flask_response
from flask import Flask, Response, g, request, session
from neutral import Answer, Ask, Routes, Seen, View

from segment_integrations.client import Analytics
from segment_integrations.flask import Segment
from segment_integrations.wsgi import SegmentMiddleware

SESSION_KEY = "user_id"


def resolve(_: object, user_id: str) -> None:
    """As Flask-Login leaves a user that it has loaded."""
    user = flask_login.UserMixin()
    user.id = user_id
    g._login_user = user


def endpoint(view: View) -> Callable[..., Response]:
    def serve(**params: object) -> Response:
        return flask_response(Response, view(Seen(params, session, request)))

    return dressed(serve, view)


class App(Built, InThreads):
    """The app and its clients."""

    def made(self, routes: Routes, *, is_async: bool) -> Flask:
        app: Flask = flask_app(Flask, routes, endpoint)
        return app

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        Segment(self.app, analytics=analytics)
        if twice:
            Segment(self.app, analytics=analytics)
            self.app.wsgi_app = SegmentMiddleware(self.app.wsgi_app, analytics)

    def send(self, ask: Ask) -> Answer:
        client = self.app.test_client(use_cookies=False)
        client.environ_base = {"REMOTE_ADDR": ask.peer}
        response = client.open(
            ask.path,
            method=ask.method,
            headers=list(ask.headers.items()),
            base_url=f"{ask.scheme}://testserver",
        )
        headers = [(name.lower(), value) for name, value in response.headers]
        return Answer(response.status_code, headers, response.data)
