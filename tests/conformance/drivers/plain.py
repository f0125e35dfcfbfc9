"""What the applications without a framework share: a router of a few lines."""

from __future__ import annotations

import re
from collections.abc import Mapping

from neutral import Reply, Routes, View

KINDS = {"": "[^/]+", "int": r"\d+", "path": ".+"}
NOT_FOUND = Reply(404, [("Content-Type", "text/plain")], b"not found")


def matched(routes: Routes, path: str) -> tuple[View, Mapping[str, str]]:
    """The view of *path* and its parameters."""
    for route, view in routes.items():
        pattern = re.sub(
            r"{(\w+):?(\w*)}", lambda one: f"(?P<{one[1]}>{KINDS[one[2]]})", route
        )
        found = re.fullmatch(pattern, path, re.DOTALL)
        if found is not None:
            return view, found.groupdict()
    return lambda _: NOT_FOUND, {}


def header_pairs(reply: Reply) -> list[tuple[str, str]]:
    """The headers to send; a length where the body is known."""
    if reply.chunks is not None or reply.status in {204, 304}:
        return list(reply.headers)
    return [*reply.headers, ("Content-Length", str(len(reply.body)))]


def pieces(reply: Reply, method: str) -> list[bytes]:
    """The body to send."""
    if method == "HEAD" or reply.status in {204, 304}:
        return []
    return [reply.body] if reply.chunks is None else list(reply.chunks)
