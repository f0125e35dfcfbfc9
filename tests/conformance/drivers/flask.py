"""Flask, whose views are sync."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from drivers.sharing import InThreads, dressed, flask_app, flask_response
from flask import Flask, Response, g, request, session
from neutral import Answer, Ask, Routes, Seen, View

from segment_integrations.client import Analytics
from segment_integrations.flask import Segment
from segment_integrations.wsgi import SegmentMiddleware

SESSION_KEY = "user_id"


def resolve(_: object, user_id: str) -> None:
    """As Flask-Login leaves a user that it has loaded."""
    g._login_user = SimpleNamespace(is_authenticated=True, get_id=lambda: user_id)


def endpoint(view: View) -> Callable[..., Response]:
    def serve(**params: object) -> Response:
        return flask_response(Response, view(Seen(params, session, request)))

    return dressed(serve, view)


class App(InThreads):
    """The app and its clients."""

    def __init__(
        self,
        routes: Routes,
        *,
        is_async: bool,
        analytics: Analytics | None,
        twice: bool = False,
    ) -> None:
        self.analytics = analytics
        self.app = flask_app(Flask, routes, endpoint)
        if analytics is not None:
            Segment(self.app, analytics=analytics)
            if twice:
                Segment(self.app, analytics=analytics)
                outer: Any = SegmentMiddleware(self.app.wsgi_app, analytics)
                self.app.wsgi_app = outer

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
