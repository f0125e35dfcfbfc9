"""
The neutral view of a request and of its response.

Values are read when they are needed first: a request that produces no event costs
little more than the object. Those of ASGI and WSGI are in `gateways`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from segment_integrations.core.headers import Fields, Headers, PlainHeaders
from segment_integrations.core.privacy import origin

_COOKIE_MAX_BYTES: Final = 64 * 1024
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_ENDS: Final = (";", "; ")
"""What stands before a cookie that is not the first."""


class RequestInfo:
    """
    The facts of one request.

    Args:
        method: The HTTP method; the empty text for a websocket.
        path: The path, percent-decoded, including where the app is mounted.
        query_string: The raw query, without the question mark.
        headers: A mapping, or a callable that makes it on first use. Names in any
            case.
        scheme: ``http`` or ``https``, behind a proxy as the framework sees it.
        client: The direct peer's address; None on a Unix socket.
        host: The host that the framework accepts, or a callable that gives it; by
            default the ``Host`` header.
        native: Makes the framework's own request, for user-supplied callables.
    """

    __slots__ = (
        "_client",
        "_cookies",
        "_headers",
        "_host",
        "_native",
        "_scheme",
        "method",
        "path",
        "query_string",
        "taken",
    )

    def __init__(
        self,
        *,
        method: str = "GET",
        path: str = "/",
        query_string: str = "",
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        scheme: str | Callable[[], str] = "http",
        client: str | Callable[[], str | None] | None = None,
        host: str | Callable[[], str | None] | None = None,
        native: Callable[[], object] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self._headers: Any = headers if callable(headers) else _read(headers or {})
        self.taken: Fields | None = None
        self._scheme = scheme
        self._client = client
        self._host = host
        self._native = native
        self._cookies: dict[str, str] | None = None

    @property
    def headers(self) -> Headers:
        """The request's headers, names in lower case."""
        if callable(self._headers):
            self._headers = _read(self._headers())
        headers: Headers = self._headers
        return headers

    def arrival(self, special: frozenset[str]) -> tuple[str | None, bool]:
        """What is fetched by ``Sec-Fetch-Dest``, and whether one of *special* came."""
        headers = self.headers
        return headers.get("sec-fetch-dest"), headers.has_any(special)

    def take(self) -> Fields:
        """Read the headers that a page call asks for; `taken` has them then."""
        self.taken = taken = self.headers.fields()
        return taken

    def origin(self) -> str:
        """Scheme and host as an address begins with them; empty without a host."""
        return origin(self.scheme, self.host)

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies as they were sent, not decoded; the first of a name wins."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.get("cookie", ""))
        return self._cookies

    def cookie(self, name: str) -> str | None:
        """One of `cookies`, without reading the others."""
        sent = (self.taken or self.take()).cookie
        if name not in sent:
            return None
        before, is_there, after = sent.partition(f"{name}=")
        if (
            is_there
            and (not before or before.endswith(_ENDS))
            and name not in before
            and len(sent) <= _COOKIE_MAX_BYTES
        ):  # as browsers write it; what follows finds the same in twice the time
            return after.partition(";")[0].strip()
        found = _one_cookie(name).search(sent[:_COOKIE_MAX_BYTES])
        return None if found is None else found[1].strip()

    @property
    def scheme(self) -> str:
        """``http`` or ``https``; read late, for a proxy middleware may change it."""
        return self._scheme() if callable(self._scheme) else self._scheme

    @property
    def client(self) -> str | None:
        """The direct peer's address; read late, as `scheme` is."""
        return self._client() if callable(self._client) else self._client

    @property
    def host(self) -> str | None:
        """The host that the framework accepts, or None."""
        if self._host is None:
            return self.headers.get("host")
        return self._host() if callable(self._host) else self._host

    @property
    def native(self) -> object:
        """What a `user`, `group` or `consent` callable is given."""
        return self if self._native is None else self._native()

    def __repr__(self) -> str:
        """Show the method only: a path may hold a secret."""
        return f"RequestInfo(method={self.method!r})"


class Routing(msgspec.Struct, frozen=True):
    """
    Where the framework's router took the request.

    Args:
        template: The route in the one normal form, ``/products/{slug}``; None when
            nothing matched.
        view: The view's own name, ``shop.views.product``.
        params: The path parameters; those that may be masked as the texts that stand in
            the path, or as None where an adapter can not tell.
        endpoint: The view itself, for the marks of `page_name` and `no_page`.
        is_internal: The route is the framework's own, not the application's: static
            files, an admin site, the pages of API documentation.
        is_marked: Whether the view may carry one of those marks; False where it was
            looked at before, and does not.
    """

    template: str | None = None
    view: str | None = None
    params: Mapping[str, object] = msgspec.field(default_factory=dict)
    endpoint: object = None
    is_internal: bool = False
    is_marked: bool = True

    def with_params(self, params: Mapping[str, str | None]) -> Routing:
        """The same with other *params*."""
        return msgspec.structs.replace(self, params=params)


class Visited(RequestInfo):
    """A request that knows where it goes and whose it is; what follows is to be put."""

    __slots__ = ()

    def routing(self) -> Routing:
        """Tell where the framework's router took the request, as far as it is known."""
        return UNROUTED

    def resolve(self, path: str) -> Routing | None:  # noqa: ARG002 - nobody knows
        """Route another path of this site, to clean referrers."""
        return None

    def detect(self) -> object:
        """Tell who is signed in."""
        return None


UNROUTED: Final = Routing()


class Routed(Protocol):
    """What may know where a request was routed."""

    def routed(self, response: ResponseInfo) -> Routing:
        """Where it was routed; what *response* says where nobody else knows."""


class ResponseInfo:
    """
    The facts of one response, as they are when it starts.

    Args:
        status: The HTTP status.
        headers: A mapping, or a callable that makes it on first use. Names in any
            case.
        routing: Where the request was routed, or a callable that tells.
    """

    __slots__ = ("_headers", "_routing", "status")

    def __init__(
        self,
        status: int = 200,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        routing: Routing | Callable[[], Routing] = UNROUTED,
    ) -> None:
        self.status = status
        self._headers: Any = headers if callable(headers) else _read(headers or {})
        self._routing = routing

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, names in lower case."""
        if callable(self._headers):
            self._headers = _read(self._headers())
        headers: Mapping[str, str] = self._headers
        return headers

    @property
    def is_html(self) -> bool:
        """Whether it is a document by its ``Content-Type``."""
        return is_html(self.headers.get("content-type", ""))

    @property
    def disposition(self) -> str:
        """The field ``Content-Disposition``, as it was sent."""
        return self.headers.get("content-disposition", "")

    @property
    def routing(self) -> Routing:
        """Where the request was routed."""
        return self._routing() if callable(self._routing) else self._routing

    def __repr__(self) -> str:
        """Show the status."""
        return f"ResponseInfo(status={self.status})"


@lru_cache(maxsize=128)
def is_html(content_type: str | bytes) -> bool:
    """True for the media types of documents, whatever their parameters."""
    if isinstance(content_type, bytes):
        content_type = content_type.decode("latin-1")
    return content_type.partition(";")[0].strip().lower() in _HTML


def _read(headers: Mapping[str, str]) -> Headers:
    return headers if isinstance(headers, Headers) else PlainHeaders(headers)


@lru_cache(maxsize=64)
def _one_cookie(name: str) -> re.Pattern[str]:
    """Finds the first cookie of *name* as `parse_cookies` does."""
    return re.compile(rf"(?:^|;)\s*{re.escape(name)}\s*=([^;]*)")


def parse_cookies(header: str) -> dict[str, str]:
    """The pairs of a ``Cookie`` header; bounded, lenient, never raises."""
    cookies: dict[str, str] = {}
    for pair in header[:_COOKIE_MAX_BYTES].split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            cookies.setdefault(name.strip(), value.strip())
    return cookies
