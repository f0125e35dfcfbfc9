"""A recorder, a middleware that looks, and visits to ASGI applications by hand."""

from __future__ import annotations

import os
from functools import partial

import anyio

from segment_integrations import defaults
from segment_integrations.testing import BROWSER_HEADERS

WAIT_S = 30
REQUESTS = int(os.environ.get("SEGMENT_TEST_REQUESTS", "600"))  # `nox -s matrix`: 3,000
"""How many requests are to leave nothing behind."""

HOST = "shop.example"
VISITOR = "visitor-1"
BROWSER = {**BROWSER_HEADERS, "host": HOST, "cookie": f"ajs_anonymous_id={VISITOR}"}
HTML = {"content-type": "text/html; charset=utf-8"}


class Recorder(list):
    """A sink that keeps what it is given."""

    def put(self, body, message):
        self.append(message)
        return True

    def of(self, call):
        return [one for one in self if one["type"] == call]

    def names(self):
        return [one.get("event", one["type"]) for one in self]

    def users(self):
        return [one.get("userId") for one in self]

    @property
    def pages(self):
        return self.of("page")

    @property
    def tracks(self):
        return self.of("track")


class Spy:
    """A middleware that keeps the contexts of the requests that reach it."""

    def __init__(self, app, contexts):
        self.app = app
        self.contexts = contexts

    async def __call__(self, scope, receive, send):
        self.contexts.append(scope["segment_integrations"])
        await self.app(scope, receive, send)


class Copying:
    """A middleware that gives the application a copy of the scope."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(dict(scope), receive, send)


def scope_of(path="/", *, method="GET", headers=None, root_path="", **more):
    """The scope of a request of a browser, as uvicorn makes it."""
    merged = {**BROWSER, **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": root_path + path,
        "raw_path": (root_path + path).encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in merged.items()
        ],
        "client": ("203.0.113.7", 50_000),
        "server": (HOST, 80),
        "state": {},
        **more,
    }


def websocket_scope_of(path="/", **more):
    """The scope of a websocket that a browser's page opens."""
    scope = scope_of(path, **more)
    del scope["method"]
    return {**scope, "type": "websocket", "scheme": "ws", "subprotocols": []}


async def serve(app, scope, incoming=None):
    """
    Call *app* as a server does, and return what it sent.

    After what is *incoming* nothing comes until the response has ended; then the client
    has gone.
    """
    left = list(incoming or [{"type": "http.request", "body": b"", "more_body": False}])
    sent = []
    is_over = anyio.Event()

    async def receive():
        if left:
            return left.pop(0)
        with anyio.fail_after(WAIT_S):  # here, for a timer a request would add up
            await is_over.wait()
        return {"type": f"{scope['type']}.disconnect"}

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            is_over.set()
        if message["type"] == "websocket.close":
            is_over.set()

    await app(scope, receive, send)
    return sent


def visit(app, path="/", **more):
    """Let a browser visit *path*, on a loop of its own."""
    return anyio.run(partial(serve, app, scope_of(path, **more)))


def instrumented(middleware, app, placement, analytics, *, inner=()):
    """*app* with our *middleware* added or around, and *inner* ones inside of it."""
    if placement == "around":
        for make in inner:
            app = make(app)
        return middleware(app, analytics)
    for make in inner:
        app.add_middleware(make)
    app.add_middleware(middleware, analytics=analytics)
    return app


def status_of(sent):
    """The status of the response."""
    return sent[0]["status"]


def headers_of(sent):
    """The response's headers, in lower case, in order."""
    return [
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in sent[0]["headers"]
    ]


def page(text="<p>Hello"):
    """An ASGI application that is one HTML page."""

    async def app(scope, receive, send):
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


LIFESPAN = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]


def lifespan_scope():
    """The scope of a lifespan, as uvicorn makes it."""
    return {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": {},
    }


def close_opened():
    """Close what middlewares made of settings, so that no other test finds it."""
    for analytics in defaults.opened():
        analytics.close()
