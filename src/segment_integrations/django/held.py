"""What belongs to one request, kept on it: also the guard against two middlewares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import DisallowedHost, ImproperlyConfigured

from segment_integrations.core.request import RequestInfo, ResponseInfo, Routing
from segment_integrations.django import routing
from segment_integrations.django.identity import Identity

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from segment_integrations.client import Analytics

ATTRIBUTE: Final = "_segment_integrations"

_RESPONSE_HEADERS: Final = (
    "Content-Type",
    "Content-Disposition",
    "Cache-Control",
    "X-Inertia",
)
"""What the page policy looks at."""


class Held:
    """
    The context of one request, and what it is filled from.

    Args:
        request: The request.
        analytics: Where its calls go.
    """

    __slots__ = ("_routing", "context", "identity", "request")

    def __init__(self, request: HttpRequest, analytics: Analytics) -> None:
        self.request = request
        self.identity = Identity(request, analytics.settings)
        self._routing: Routing | None = None
        self.context = analytics.request(
            _info(request),
            routing=self.routing,
            resolve=lambda path: routing.of_site_path(request, path),
            detect=self.identity.detect,
        ).context

    def routing(self) -> Routing:
        """Where the request was routed; asked again until Django has done it."""
        if self._routing is not None:
            return self._routing
        found = routing.of_request(self.request)
        if self.request.resolver_match is not None:
            self._routing = found
        return found

    def response(self, response: HttpResponseBase) -> ResponseInfo:
        """The facts of *response*; its content is not touched."""
        return ResponseInfo(
            response.status_code,
            lambda: self._headers(response),
            lambda: self.context.routing,
        )

    def _headers(self, response: HttpResponseBase) -> dict[str, str]:
        found = {
            name.lower(): response.headers[name]
            for name in _RESPONSE_HEADERS
            if name in response.headers
        }
        # `UpdateCacheMiddleware` will keep it, and says so to the client only then.
        if getattr(self.request, "_cache_update_cache", False):
            control = found.get("cache-control", "")
            if "private" not in control:
                found["cache-control"] = f"{control}, public"
        return found


def held_of(request: object) -> Held | None:
    """What belongs to *request*; None where no middleware of ours is around it."""
    held = getattr(request, ATTRIBUTE, None)
    return held if isinstance(held, Held) else None


def _info(request: HttpRequest) -> RequestInfo:
    """The facts of *request*; `META` has them under WSGI and ASGI alike."""
    meta = request.META

    def headers() -> dict[str, str]:
        return {
            name[5:].replace("_", "-").lower(): value
            for name, value in meta.items()
            if name.startswith("HTTP_") and isinstance(value, str)
        }

    def host() -> str | None:
        try:
            return request.get_host()
        except DisallowedHost:
            return None

    def scheme() -> str:
        try:
            return request.scheme or "http"
        except ImproperlyConfigured:
            return "http"

    return RequestInfo(
        method=request.method or "",
        path=request.path,
        query_string=str(meta.get("QUERY_STRING", "")),
        headers=headers,
        scheme=scheme,
        client=lambda: meta.get("REMOTE_ADDR") or None,
        host=host,
        native=lambda: request,
    )
