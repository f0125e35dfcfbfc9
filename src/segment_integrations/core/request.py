"""
The neutral view of a request and of its response.

ASGI's scope and WSGI's environ are standards, not frameworks, so they are read here
and no framework file parses a header of its own. Values are read when they are needed
first: a request that produces no event costs little more than the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

_COOKIE_MAX_BYTES: Final = 64 * 1024

HeaderPairs = Iterable[tuple[bytes | str, bytes | str]]


def decoded_headers(pairs: HeaderPairs) -> dict[str, str]:
    """
    Header names in lower case; of a repeated one the values joined by a comma.

    Bytes are read as Latin-1, in which no byte can fail (RFC 9110, section 5.5).
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("latin-1") if isinstance(raw_name, bytes) else raw_name
        value = (
            raw_value.decode("latin-1") if isinstance(raw_value, bytes) else raw_value
        )
        name = name.lower()
        if name in headers:
            joint = "; " if name == "cookie" else ", "
            headers[name] = f"{headers[name]}{joint}{value}"
        else:
            headers[name] = value
    return headers


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
    def cookies(self) -> Mapping[str, str]:
        """The cookies as they were sent, not decoded; the first of a name wins."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.get("cookie", ""))
        return self._cookies

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
    def routing(self) -> Routing:
        """Where the request was routed."""
        return self._routing() if callable(self._routing) else self._routing

    def __repr__(self) -> str:
        """Show the status."""
        return f"ResponseInfo(status={self.status})"


def _lower(headers: Mapping[str, str]) -> Mapping[str, str]:
    if all(name.islower() for name in headers):
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


def from_scope(
    scope: MutableMapping[str, Any], *, native: Callable[[], object] | None = None
) -> RequestInfo:
    """
    The facts of an ASGI *scope*.

    Path, query and method are taken now, for routing changes the scope; scheme and
    client are read late, for a proxy middleware corrects them there. `native` is the
    scope itself where a framework gives nothing better.
    """
    path = scope.get("path", "/")
    root_path = scope.get("root_path", "")
    # The ASGI spec puts the root path into the path; proxies that strip it do not.
    if root_path and not path.startswith(root_path):
        path = root_path + path

    def client() -> str | None:
        peer = scope.get("client")
        return peer[0] if peer else None

    return RequestInfo(
        method=scope.get("method", ""),
        path=path,
        query_string=scope.get("query_string", b"").decode("latin-1"),
        headers=lambda: decoded_headers(scope.get("headers", ())),
        scheme=lambda: scope.get("scheme", "http").replace("ws", "http"),
        client=client,
        native=native or (lambda: scope),
    )


def from_environ(
    environ: dict[str, Any], *, native: Callable[[], object] | None = None
) -> RequestInfo:
    """The facts of a WSGI *environ* (PEP 3333: its texts are bytes read as Latin-1)."""

    def headers() -> dict[str, str]:
        found = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                found[name.replace("_", "-").lower()] = environ[name]
        return found

    def host() -> str | None:
        found: str | None = environ.get("HTTP_HOST")
        if found:
            return found
        name, port = environ.get("SERVER_NAME"), environ.get("SERVER_PORT")
        default = {"http": "80", "https": "443"}.get(environ["wsgi.url_scheme"])
        return name if not name or port == default else f"{name}:{port}"

    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return RequestInfo(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=path.encode("latin-1", "replace").decode("utf-8", "replace") or "/",
        query_string=environ.get("QUERY_STRING", ""),
        headers=headers,
        scheme=lambda: environ.get("wsgi.url_scheme", "http"),
        client=lambda: environ.get("REMOTE_ADDR") or None,
        host=host,
        native=native or (lambda: environ),
    )
