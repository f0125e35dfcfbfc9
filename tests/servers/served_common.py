"""What the served applications share: the twin without us, and a stream that waits."""

from __future__ import annotations

import os
import time
from pathlib import Path

WAIT_S = 30
HEADERS = {"X-Kind": "page", "Cache-Control": "public, max-age=60", "X-Empty": ""}
FIRST, LAST = "<p>first ", "<p>last"
WIDE = "<p>" + "wide " * 20_000


def accepted(message_id):
    """The headers of a page, which tell the client what message was accepted."""
    return {**HEADERS, "X-Message": str(message_id)}


def is_released():
    """Whether the test has seen the first chunk; it says so by making a file."""
    return Path(os.environ["SERVED_RELEASE"]).exists()


def wait_released():
    """Hold the rest of a stream back until the client has its beginning."""
    until = time.monotonic() + WAIT_S
    while not is_released() and time.monotonic() < until:
        time.sleep(0.01)
    return "" if is_released() else "too late "


def chunks():
    yield FIRST
    yield wait_released() + LAST


def beside_asgi(ours, bare):
    """Serve *ours*, and *bare* to who asks for it, in one process."""

    async def serve(scope, receive, send):
        is_bare = (b"x-bare", b"1") in scope.get("headers", ())
        await (bare if is_bare else ours)(scope, receive, send)

    return serve


def beside_wsgi(ours, bare):
    """Serve *ours*, and *bare* to who asks for it, in one process."""

    def serve(environ, start_response):
        is_bare = environ.get("HTTP_X_BARE") == "1"
        return (bare if is_bare else ours)(environ, start_response)

    return serve
