"""What belongs to one request, kept on it: also the guard against two middlewares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.http import HttpRequest

from segment_integrations.core.current import VisitContext
from segment_integrations.core.gateways import EnvironInfo
from segment_integrations.core.request import (
    UNROUTED,
    ResponseInfo,
    Routing,
    Visited,
    is_html,
)
from segment_integrations.django import routing
from segment_integrations.django.identity import LOOKED_UP, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http.response import HttpResponseBase

    from segment_integrations.client import Analytics

ATTRIBUTE: Final = "_segment_integrations"

_RESPONSE_HEADERS: Final = (
    "Content-Type",
    "Content-Disposition",
    "Cache-Control",
    "CDN-Cache-Control",
    "Surrogate-Control",
    "Expires",
    "X-Inertia",
)
"""What the page policy looks at."""

_PROXY: Final = "SECURE_PROXY_SSL_HEADER"

_HOSTS_MAX: Final = 1_024
"""Source: ours; far more than a site has names."""

_HOST_MAX_CHARS: Final = 255
"""Source: RFC 1035, section 2.3.4; what is longer is no name that is worth keeping."""

_hosts: Final[set[str]] = set()
"""``Host`` headers that Django has accepted: it goes by the settings alone."""


class Held(EnvironInfo, Visited):
    """
    The facts of one request, and its context, which is filled from them.

    `META` has them under WSGI and ASGI alike. One of these is made for each request,
    so that what can be is read when somebody asks.

    Args:
        request: The request.
        analytics: Where its calls go.
    """

    __slots__ = ("_identity", "_routing", "analytics", "context", "request")

    def __init__(self, request: HttpRequest, analytics: Analytics) -> None:
        # No call of the base's: this is made for each request.
        self.request = request
        self.analytics = analytics
        self._headers = self.taken = self._cookies = None
        self._identity: Identity | None = None
        self._routing: Routing | None = None
        self.method = request.method or ""
        self.path = request.path
        self._environ = environ = request.META
        self.query_string = environ.get("QUERY_STRING", "")
        self.context = VisitContext(analytics, self)

    @property
    def scheme(self) -> str:
        """As Django has it, behind a proxy that the settings trust."""
        request = self.request
        if (
            LOOKED_UP.get(_PROXY, _PROXY) is None
            and type(request).scheme is HttpRequest.scheme
        ):
            # What Django's own comes to where no proxy is trusted, in a third.
            own: Any = request
            return own._get_scheme() or "http"  # noqa: SLF001 - 4.2 to 6.0
        try:
            return request.scheme or "http"
        except ImproperlyConfigured:
            return "http"

    @property
    def host(self) -> str | None:
        """The host, if Django accepts it."""
        request = self.request
        given: str | None = request.META.get("HTTP_HOST")
        if given in _hosts and "HTTP_X_FORWARDED_HOST" not in request.META:
            # Unless the application has put its own in the place of Django's.
            method = getattr(request.get_host, "__func__", None)
            if method is HttpRequest.get_host:
                return given
        try:
            found = request.get_host()
        except DisallowedHost:
            return None
        if found == given and len(found) <= _HOST_MAX_CHARS:
            if len(_hosts) >= _HOSTS_MAX:
                _hosts.clear()
            _hosts.add(found)
        return found

    @property
    def native(self) -> HttpRequest:
        """Django's own request."""
        return self.request

    @property
    def identity(self) -> Identity:
        """Who is signed in; most requests without an event never ask."""
        if self._identity is None:
            self._identity = Identity(self.request, self.analytics.settings)
        return self._identity

    def detect(self) -> str | None:
        """As `Identity` has it."""
        identity = self._identity
        if identity is None:  # as the property has it
            settings = self.analytics.settings
            identity = self._identity = Identity(self.request, settings)
        return identity.detect()

    def resolve(self, path: str) -> Routing | None:
        """Where *path* of the same site would be routed."""
        return routing.of_site_path(self.request, path)

    def routing(self) -> Routing:
        """Where the request was routed; asked again until Django has done it."""
        if self._routing is not None:
            return self._routing
        match = self.request.resolver_match
        if match is None:
            return routing.of_unrouted(self.request)
        masks = self.analytics.settings.redact_path_params
        self._routing = routing.of_request(match, self.request, masks)
        return self._routing


class Answer(ResponseInfo):
    """
    The facts of *response*; its content is not touched.

    Args:
        response: The response.
        held: What belongs to its request.
    """

    __slots__ = ("_fields", "_held", "_store")

    def __init__(self, response: HttpResponseBase, held: Held) -> None:
        self.status = response.status_code
        # Not the response, whose content would be kept as long as the request: until
        # the garbage collector comes by.
        self._fields = response.headers
        # Django's own (4.2 to 6.0), for what is not there costs an exception.
        self._store = getattr(response.headers, "_store", None)
        self._held = held
        self._headers = None

    @property
    def is_html(self) -> bool:
        """As the base has it, and so is what follows."""
        if self._store is None:
            return is_html(self._fields.get("content-type", ""))
        found = self._store.get("content-type")
        return is_html(found[1]) if found else False

    @property
    def disposition(self) -> str:
        """The same."""
        if self._store is None:
            return self._fields.get("content-disposition", "")
        found = self._store.get("content-disposition")
        return found[1] if found else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """The same."""
        if self._headers is None:
            self._headers = self._read()
        headers: Mapping[str, str] = self._headers
        return headers

    routing = UNROUTED
    """The request's context knows."""

    def _read(self) -> dict[str, str]:
        fields = self._fields
        found = {
            name.lower(): fields[name] for name in _RESPONSE_HEADERS if name in fields
        }
        # `UpdateCacheMiddleware` will keep it, and says so to the client only then.
        if getattr(self._held.request, "_cache_update_cache", False):
            control = found.get("cache-control", "")
            if "private" not in control:
                found["cache-control"] = f"{control}, public"
        return found


def held_of(request: object) -> Held | None:
    """What belongs to *request*; None where no middleware of ours is around it."""
    held = getattr(request, ATTRIBUTE, None)
    return held if isinstance(held, Held) else None


def forget_hosts() -> None:
    """Forget which hosts are accepted: the settings have changed."""
    _hosts.clear()
