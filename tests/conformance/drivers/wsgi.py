"""A WSGI application without a framework: a function in our middleware."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from drivers.plain import header_pairs, matched, pieces
from drivers.sharing import Built, InThreads
from neutral import Answer, Ask, Routes, Seen
from werkzeug.test import EnvironBuilder, run_wsgi_app

from segment_integrations.client import Analytics
from segment_integrations.wsgi import SegmentMiddleware


def application(routes: Routes) -> Any:
    def serve(environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        view, params = matched(routes, path)
        # The views read headers by their usual names.
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        reply = view(Seen(params, {}, SimpleNamespace(headers=headers)))
        start_response(f"{reply.status} Status", header_pairs(reply))
        return iter(pieces(reply, environ["REQUEST_METHOD"]))

    return serve


def guarded(app: Any) -> Any:
    """As a server does: an exception is a 500."""

    def serve(environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            body: Iterable[bytes] = app(environ, start_response)
        except Exception:
            start_response("500 Error", [])
            return []
        return body

    return serve


class App(Built, InThreads):
    """The app and its clients."""

    def made(self, routes: Routes, *, is_async: bool) -> Any:
        return application(routes)

    def install(self, analytics: Analytics, *, twice: bool) -> None:
        for _ in range(1 + twice):
            self.app = SegmentMiddleware(self.app, analytics)

    def send(self, ask: Ask) -> Answer:
        environ = EnvironBuilder(
            ask.path,
            method=ask.method,
            headers=list(ask.headers.items()),
            base_url=f"{ask.scheme}://testserver",
            environ_base={"REMOTE_ADDR": ask.peer},
        ).get_environ()
        body, status, headers = run_wsgi_app(guarded(self.app), environ, buffered=True)
        pairs = [(name.lower(), value) for name, value in headers]
        return Answer(int(status[:3]), pairs, b"".join(body))
