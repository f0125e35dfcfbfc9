"""
What the gateway interfaces say of a request: an ASGI scope, a WSGI environ.

They are standards, not frameworks, so they are read here and no framework file parses
a header of its own. One of these is made for each request, so that making one is cheap
and everything else is read when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from segment_integrations.core.headers import (
    AsgiHeaders,
    EnvironHeaders,
    Fields,
    HeaderPairs,
    Headers,
    as_bytes,
    as_text,
    fields_of,
    variables,
)
from segment_integrations.core.privacy import origin
from segment_integrations.core.request import (
    UNROUTED,
    RequestInfo,
    ResponseInfo,
    is_html,
)

_CONTENT_TYPE_LENGTH: Final = len("content-type")
_DISPOSITION_LENGTH: Final = len("content-disposition")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class ScopeInfo(RequestInfo):
    """
    The facts of an ASGI scope.

    Path, query and method are taken now, for routing changes the scope; scheme and
    client are read late, for a proxy middleware corrects them there.

    Args:
        scope: The scope.
        native: As `RequestInfo` has it; the scope itself by default.
    """

    __slots__ = ("_query", "_scope")

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        native: Callable[[], object] | None = None,
    ) -> None:
        self._scope = scope
        self._native = native
        self._headers = self.taken = self._cookies = None
        self.method = scope.get("method", "")
        path: str = scope.get("path", "/")
        root_path = scope.get("root_path", "")
        # The ASGI spec puts the root path into the path; proxies that strip it do not.
        if root_path and not path.startswith(root_path):
            path = root_path + path
        self.path = path
        self._query = scope.get("query_string", b"")

    @property
    def query_string(self) -> str:  # type: ignore[override]  # it is only read
        query: bytes = self._query
        return query.decode("latin-1")

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = AsgiHeaders(self._scope.get("headers", ()), is_lower=True)
        headers: Headers = self._headers
        return headers

    # As the base has it, without the steps between.

    def arrival(self, special: frozenset[str]) -> tuple[str | None, bool]:
        headers = self._headers
        if headers is None:
            given = self._scope.get("headers", ())
            headers = self._headers = AsgiHeaders(given, is_lower=True)
        raw = headers.raw
        value = raw.get(b"sec-fetch-dest")
        destination = None if value is None else value.decode("latin-1")
        return destination, not as_bytes(special).isdisjoint(raw)

    def take(self) -> Fields:
        headers = self._headers
        self.taken = taken = (self.headers if headers is None else headers).fields()
        return taken

    @property
    def scheme(self) -> str:
        scheme: str = self._scope.get("scheme", "http")
        return scheme.replace("ws", "http")

    @property
    def client(self) -> str | None:
        peer = self._scope.get("client")
        return peer[0] if peer else None

    @property
    def host(self) -> str | None:
        return (self.taken or self.take()).host or None

    def origin(self) -> str:
        scheme: str = self._scope.get("scheme", "http")
        return origin(scheme.replace("ws", "http"), (self.taken or self.take()).host)

    @property
    def native(self) -> object:
        return self._scope if self._native is None else self._native()


def from_scope(
    scope: MutableMapping[str, Any], *, native: Callable[[], object] | None = None
) -> RequestInfo:
    """
    The facts of an ASGI *scope*.

    Args:
        scope: The scope.
        native: Makes the framework's own request; by default it is the scope.
    """
    return ScopeInfo(scope, native)


class StartInfo(ResponseInfo):
    """
    The facts of a response that starts, under ASGI or WSGI.

    Args:
        status: The HTTP status.
        pairs: Its header fields, a list or tuple.
    """

    __slots__ = ("_pairs",)

    routing = UNROUTED
    """
    The request's context knows; it keeps this object, which therefore must not lead
    to it: a circle would keep each request until the garbage collector comes by.
    """

    def __init__(self, status: int, pairs: HeaderPairs) -> None:
        self.status = status
        self._pairs = pairs
        self._headers = None

    @property
    def is_html(self) -> bool:
        for name, value in self._pairs:
            # The length first, which tells nearly all others apart.
            if len(name) == _CONTENT_TYPE_LENGTH and (
                name.lower() == b"content-type"
                if type(name) is bytes  # each response comes by: no call of ours
                else as_text(name).lower() == "content-type"
            ):
                return is_html(value)
        return False

    @property
    def disposition(self) -> str:
        for name, value in self._pairs:
            if (
                len(name) == _DISPOSITION_LENGTH
                and as_text(name).lower() == "content-disposition"
            ):
                return as_text(value)
        return ""

    @property
    def headers(self) -> Mapping[str, str]:
        if self._headers is None:
            self._headers = AsgiHeaders(self._pairs, is_lower=False)
        headers: Mapping[str, str] = self._headers
        return headers


class EnvironInfo(RequestInfo):
    """
    The facts of a WSGI environ; path, query and method as they are now.

    Args:
        environ: The environ.
        native: As `RequestInfo` has it; the environ itself by default.
    """

    __slots__ = ("_environ",)

    def __init__(
        self, environ: dict[str, Any], native: Callable[[], object] | None = None
    ) -> None:
        self._environ = environ
        self._native = native
        self._headers = self.taken = self._cookies = None
        self.method = environ.get("REQUEST_METHOD", "GET")
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if not path.isascii():
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        self.path = path or "/"
        self.query_string = environ.get("QUERY_STRING", "")

    @property
    def headers(self) -> Headers:
        """As `RequestInfo` has it."""
        if self._headers is None:
            self._headers = EnvironHeaders(self._environ)
        headers: Headers = self._headers
        return headers

    def arrival(self, special: frozenset[str]) -> tuple[str | None, bool]:
        """As `RequestInfo` has it, without the steps between."""
        environ = self._environ
        return environ.get("HTTP_SEC_FETCH_DEST"), not (
            environ.keys().isdisjoint(variables(special))
        )

    def take(self) -> Fields:
        """The same."""
        self.taken = taken = fields_of(self._environ)
        return taken

    @property
    def scheme(self) -> str:
        """As `RequestInfo` has it."""
        scheme: str = self._environ.get("wsgi.url_scheme", "http")
        return scheme

    @property
    def client(self) -> str | None:
        """As `RequestInfo` has it."""
        return self._environ.get("REMOTE_ADDR") or None

    @property
    def host(self) -> str | None:
        """As `RequestInfo` has it."""
        environ = self._environ
        found: str | None = environ.get("HTTP_HOST")
        if found:
            return found
        name, port = environ.get("SERVER_NAME"), environ.get("SERVER_PORT")
        is_default = port == _DEFAULT_PORTS.get(self.scheme)
        return name if not name or is_default else f"{name}:{port}"

    @property
    def native(self) -> object:
        """As `RequestInfo` has it."""
        return self._environ if self._native is None else self._native()


def from_environ(
    environ: dict[str, Any], *, native: Callable[[], object] | None = None
) -> RequestInfo:
    """The facts of a WSGI *environ* (PEP 3333: its texts are bytes read as Latin-1)."""
    return EnvironInfo(environ, native)
