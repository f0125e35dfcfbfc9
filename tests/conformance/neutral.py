"""
What the conformance tests say about an application, without naming a framework.

A driver turns routes into a real app of its framework, sends requests to it through
that framework's own test client, and turns responses into `Answer`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Protocol

from segment_integrations.client import Analytics
from segment_integrations.testing import BROWSER_HEADERS, SegmentEvents

ANONYMOUS = "507f191e-810c-4197-99de-860ea3f1a3b2"
HTML = ("Content-Type", "text/html; charset=utf-8")
PEER = "203.0.113.9"
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass
class Seen:
    """What a neutral view is given."""

    params: Mapping[str, object]
    session: MutableMapping[str, Any]
    native: Any


@dataclass
class Reply:
    """What a neutral view gives; *chunks* make it a stream."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = (HTML,)
    body: bytes = b"<h1>Hello</h1>"
    chunks: Sequence[bytes] | None = None


def angled(path: str) -> str:
    """A route as Flask and Django write it: ``{id:int}`` as ``<int:id>``."""
    path = re.sub(r"{(\w+):(\w+)}", r"<\2:\1>", path)
    return re.sub(r"{(\w+)}", r"<\1>", path)


View = Callable[[Seen], Any]
Routes = Mapping[str, View]


def wants_loop(view: View, *, is_async: bool) -> bool:
    """False for views to be served by a thread: all of a sync app, or marked so."""
    if inspect.iscoroutinefunction(view):
        return True
    return is_async and not getattr(view, "blocks", False)


def plain(_: Seen) -> Reply:
    """The plainest page."""
    return Reply()


@dataclass
class Answer:
    """A response as the client has it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def cookies(self) -> str:
        """The ``Cookie`` header that a browser would send next."""
        jar: SimpleCookie = SimpleCookie()
        for one in self.all("set-cookie"):
            jar.load(one)
        return "; ".join(f"{name}={one.coded_value}" for name, one in jar.items())


@dataclass
class Ask:
    """A request; each character of a header's value is one byte."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = PEER
    scheme: str = "http"


class App(Protocol):
    """A driver's app."""

    analytics: Analytics | None

    def send(self, ask: Ask) -> Answer: ...

    def send_all(self, asks: Sequence[Ask]) -> list[Answer]:
        """Send all at once."""
        ...


class Site:
    """An app with our middleware, what it sent, and a browser in front of it."""

    def __init__(self, app: App, events: SegmentEvents) -> None:
        self.app = app
        self.events = events

    @property
    def analytics(self) -> Analytics:
        assert self.app.analytics is not None
        return self.app.analytics

    def pages(self) -> dict[str, int]:
        """The counted decisions."""
        return dict(self.analytics.stats().pages)

    def send(self, path: str = "/", method: str = "GET", **more: Any) -> Answer:
        return self.app.send(Ask(path, method, **more))

    def visit(
        self,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        *,
        cookie: str = f"ajs_anonymous_id={ANONYMOUS}",
        **more: Any,
    ) -> Answer:
        """A person's browser opens the page."""
        return self.send(path, headers=browser(headers, cookie=cookie), **more)


def browser(
    headers: Mapping[str, str] | None = None,
    *,
    cookie: str = f"ajs_anonymous_id={ANONYMOUS}",
) -> dict[str, str]:
    """The headers of a browser's visit, with *headers* over them."""
    sent = dict(BROWSER_HEADERS)
    if cookie:
        sent["Cookie"] = cookie
    return {**sent, **(headers or {})}
