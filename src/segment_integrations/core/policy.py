"""
Decides whether a request was a page view, from facts of request and response alone.

Each 'no' has a name, which `explain` shows and `stats().pages` counts. The rules and
their order are those of the docs page on page calls.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

from segment_integrations.core.bots import is_bot
from segment_integrations.core.marks import is_no_page
from segment_integrations.core.privacy import TEXT_MAX_CHARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segment_integrations.core.request import RequestInfo, ResponseInfo, Routed
    from segment_integrations.core.settings import Settings

Reason = Literal[
    "page",
    "disabled",
    "pages_off",
    "browser_library",
    "method",
    "status",
    "not_html",
    "attachment",
    "prefetch",
    "fragment",
    "not_navigation",
    "not_accepted",
    "excluded_path",
    "excluded_view",
    "bot",
    "explicit_page",
    "consent",
    "gpc",
    "sampled_out",
    "no_identity",
    "failed",
]


@dataclass(frozen=True, slots=True)
class PageDecision:
    """
    Whether a page call is sent.

    Args:
        sends: True when one is.
        reason: ``page``, or the rule that said no.
    """

    sends: bool
    reason: Reason

    def __bool__(self) -> bool:
        return self.sends


SENDS: Final = PageDecision(sends=True, reason="page")

EXCLUDED_PATHS: Final = (
    "/favicon.ico",
    "/robots.txt",
    "/.well-known/",
    "/static/",
    "/admin",
    "/admin/",
    "/__debug__/",
    "/__reload__/",
    "/_debug_toolbar/",
    "/silk/",
    "/health",
    "/health/",
    "/healthz",
    "/healthz/",
    "/healthcheck",
    "/healthcheck/",
    "/livez",
    "/livez/",
    "/readyz",
    "/readyz/",
    "/ready",
    "/ping",
    "/metrics",
)
"""Always excluded; the `exclude` setting adds to them. By the rules of `_path_rule`."""

_PATHS: Final = frozenset(EXCLUDED_PATHS)
_BELOW: Final = tuple(one for one in EXCLUDED_PATHS if one.endswith("/"))

_PREFETCH_HEADERS: Final = (
    "sec-purpose",
    "purpose",
    "x-purpose",
    "x-moz",
    "x-sec-purpose",  # Turbo's: a script can not set Sec-* itself
)
_SPECIAL: Final = frozenset(
    {
        *_PREFETCH_HEADERS,
        "hx-request",
        "turbo-frame",
        "x-inertia",
        "x-pjax-container",
        "x-requested-with",
        "x-up-target",
    }
)
"""Without any of them a request is a navigation by its ``Sec-Fetch-Dest`` alone."""

_PREFETCH_WORDS: Final = ("prefetch", "prerender", "preview")


@cache
def no(reason: Reason) -> PageDecision:
    """A 'no' and its name."""
    return PageDecision(sends=False, reason=reason)


def decide(  # noqa: C901, PLR0912 - on the path of each request a call costs more
    request: RequestInfo,
    response: ResponseInfo,
    settings: Settings,
    routed: Routed | None = None,
) -> PageDecision:
    """
    Whether *request* and *response* are one page view by a person's browser.

    Pure but for callables in `exclude`. Consent, identity and sampling are not facts
    of the exchange and are asked afterwards.

    Args:
        request: The request.
        response: Its response.
        settings: The settings.
        routed: Knows where the request was routed, perhaps; else the response does.

    Returns:
        `SENDS`, or the first rule that said no, cheap rules first.
    """
    if settings.pages == "off":
        return no("pages_off")
    if request.method not in settings.methods:
        return no("method")
    status = response.status
    if status != 304:  # noqa: PLR2004 - which has no content type, yet it is seen
        if not 200 <= status <= 299:  # noqa: PLR2004 - HTTP's own classes
            return no("status")
        if not response.is_html and not (
            settings.spa_navigation
            and "x-inertia" in request.headers
            and "x-inertia" in response.headers
        ):
            return no("not_html")
    destination, is_special = request.arrival(_SPECIAL)
    is_navigation = destination == "document"
    if is_special:
        answer = _special(request.headers, settings)
        if answer is not None:
            if not answer.sends:
                return answer
            is_navigation = True
    if not is_navigation:
        if destination is None:
            # Plain http, older Safari, web views: the browser names HTML first; tools
            # send */*.
            if not accepts_html(request.headers.get("accept", "")):
                return no("not_accepted")
        elif not (
            settings.spa_navigation
            and destination == "empty"
            and accepts_html(request.headers.get("accept", ""))
        ):
            return no("not_navigation")
    disposition = response.disposition
    if disposition and disposition.strip().lower().startswith("attachment"):
        return no("attachment")
    routing = response.routing if routed is None else routed.routed(response)
    if routing.is_internal or (
        routing.is_marked and is_no_page(routing.endpoint, request.method)
    ):
        return no("excluded_view")
    path = request.path
    if (
        path in _PATHS
        or path.startswith(_BELOW)
        or (settings.exclude and _is_excluded(request, settings))
    ):
        return no("excluded_path")
    if settings.bots == "excluded" and is_bot(
        (request.taken or request.take()).user_agent[:TEXT_MAX_CHARS]
    ):
        return no("bot")
    if settings.pages == "fallback" and any(
        name.startswith("ajs_") for name in request.cookies
    ):
        return no("browser_library")
    return SENDS


def _special(headers: Mapping[str, str], settings: Settings) -> PageDecision | None:
    """What headers say that few requests have; None where the usual ones decide."""
    for name in _PREFETCH_HEADERS:
        value = headers.get(name)
        if value and any(word in value.lower() for word in _PREFETCH_WORDS):
            return no("prefetch")
    if headers.get("hx-request", "").lower() == "true":
        if (
            headers.get("hx-boosted", "").lower() == "true"
            or headers.get("hx-history-restore-request", "").lower() == "true"
        ):
            return SENDS
        return no("fragment")
    if settings.spa_navigation and "x-inertia" in headers:
        is_partial = "x-inertia-partial-component" in headers
        return no("fragment") if is_partial else SENDS
    return no("fragment") if _is_fragment(headers) else None


def _is_fragment(headers: Mapping[str, str]) -> bool:
    return (
        "turbo-frame" in headers
        or "x-pjax-container" in headers
        or headers.get("x-requested-with", "").lower() == "xmlhttprequest"
        or headers.get("x-up-target", "body") not in {"body", ":main"}
    )


def accepts_html(accept: str) -> bool:
    """True when an ``Accept`` header names ``text/html`` itself with q over 0."""
    for item in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        if kind != "text/html":
            continue
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            return float(quality) > 0
        except ValueError:
            return False
    return False


@lru_cache(maxsize=64)
def _path_rule(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression: ``/a`` is that path, ``/a/`` all below it, ``*`` anything."""
    rules = (
        fnmatch.translate(f"{one}*" if one.endswith("/") else one) for one in patterns
    )
    return re.compile("|".join(rules))


def _is_excluded(request: RequestInfo, settings: Settings) -> bool:
    patterns = tuple(one for one in settings.exclude if isinstance(one, str))
    if patterns and _path_rule(patterns).match(request.path):
        return True
    predicates: list[Callable[[RequestInfo], bool]] = [
        one for one in settings.exclude if not isinstance(one, str)
    ]
    return any(predicate(request) for predicate in predicates)
