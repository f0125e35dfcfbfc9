"""Flask, whose views are sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response, g, request, session
from neutral import ALL_METHODS, Answer, Ask, Reply, Routes, Seen, View, angled

from segment_integrations.client import Analytics
from segment_integrations.flask import Segment
from segment_integrations.wsgi import SegmentMiddleware

SESSION_KEY = "user_id"


def resolve(_: object, user_id: str) -> None:
    """As Flask-Login leaves a user that it has loaded."""
    g._login_user = SimpleNamespace(is_authenticated=True, get_id=lambda: user_id)


def native_response(reply: Reply) -> Response:
    content = reply.body if reply.chunks is None else iter(reply.chunks)
    response = Response(content, reply.status)
    response.headers.pop("Content-Type", None)
    for name, value in reply.headers:
        response.headers.add(name, value)
    return response


def endpoint(view: View) -> Callable[..., Response]:
    def serve(**params: object) -> Response:
        return native_response(view(Seen(params, session, request)))

    serve.__dict__.update(view.__dict__)
    serve.__name__ = view.__name__
    return serve


class App:
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
        self.app = Flask("conformance", static_folder=None)
        self.app.secret_key = "a" * 32
        for path, view in routes.items():
            self.app.add_url_rule(
                angled(path),
                f"{view.__name__}_{path}".replace(".", "_"),
                endpoint(view),
                methods=list(ALL_METHODS),
            )
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

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        with ThreadPoolExecutor(32) as pool:
            found: Any = pool.map(self.send, asks)
            return list(found)
