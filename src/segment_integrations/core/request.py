"""
The neutral view of a request and of its response.

Values are read when they are needed first: a request that produces no event costs
little more than the object. Those of ASGI and WSGI are in `gateways`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from segment_integrations.core.headers import Headers

_COOKIE_MAX_BYTES: Final = 64 * 1024


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
        self._headers: Any = headers if callable(headers) else _lower(headers or {})
        self._scheme = scheme
        self._client = client
        self._host = host
        self._native = native
        self._cookies: dict[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers, names in lower case."""
        if callable(self._headers):
            self._headers = _lower(self._headers())
        headers: Mapping[str, str] = self._headers
        return headers

    @property
    def all_headers(self) -> Mapping[str, str]:
        """The same, read at once: for who needs more than a few of them."""
        headers = self.headers
        if not isinstance(headers, dict):
            if isinstance(headers, Headers):
                headers = headers.all()
            self._headers = headers
        return headers

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies as they were sent, not decoded; the first of a name wins."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.get("cookie", ""))
        return self._cookies

    def cookie(self, name: str) -> str | None:
        """One of `cookies`; without reading any where *name* was not sent."""
        if self._cookies is None:
            sent = self.headers.get("cookie", "")
            if name not in sent:
                return None
            self._cookies = parse_cookies(sent)
        return self._cookies.get(name)

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


@dataclass(frozen=True, slots=True)
class Routing:
    """
    Where the framework's router took the request.

    Args:
        template: The route in the one normal form, ``/products/{slug}``; None when
            nothing matched.
        view: The view's own name, ``shop.views.product``.
        params: The values of the path parameters.
        endpoint: The view itself, for the marks of `page_name` and `no_page`.
        is_internal: The route is the framework's own, not the application's: static
            files, an admin site, the pages of API documentation.
    """

    template: str | None = None
    view: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    endpoint: object = None
    is_internal: bool = False


UNROUTED: Final = Routing()


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
        self._headers: Any = headers if callable(headers) else _lower(headers or {})
        self._routing = routing

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, names in lower case."""
        if callable(self._headers):
            self._headers = _lower(self._headers())
        headers: Mapping[str, str] = self._headers
        return headers

    @property
    def content_type(self) -> str:
        """The field of that name, as it was sent."""
        return self.headers.get("content-type", "")

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


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    if isinstance(headers, Headers) or all(name.islower() for name in headers):
        return headers
    return {name.lower(): value for name, value in headers.items()}


def parse_cookies(header: str) -> dict[str, str]:
    """The pairs of a ``Cookie`` header; bounded, lenient, never raises."""
    cookies: dict[str, str] = {}
    for pair in header[:_COOKIE_MAX_BYTES].split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            cookies.setdefault(name.strip(), value.strip())
    return cookies
