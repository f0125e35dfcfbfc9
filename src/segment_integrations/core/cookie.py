"""The anonymous id's cookie, which the browser library shares, and when it is set."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from segment_integrations.core.request import ResponseInfo

NAME: Final = "ajs_anonymous_id"

MAX_AGE_S: Final = 365 * 24 * 60 * 60
"""Source: analytics-next, the cookie store's default of 365 days."""


def set_cookie(anonymous_id: str, *, is_secure: bool) -> str:
    """
    The ``Set-Cookie`` value, as analytics.js would write it.

    Not HttpOnly: the browser library reads it. `Secure` only over https, for a cookie
    with it can not be read back over http.
    """
    secure = "; Secure" if is_secure else ""
    return f"{NAME}={anonymous_id}; Max-Age={MAX_AGE_S}; Path=/; SameSite=Lax{secure}"


CONTROLS: Final = ("cdn-cache-control", "surrogate-control", "cache-control")
"""
What tells caches how long, those of a CDN by fields of their own, whatever the others
are told. Sources: RFC 9213 section 2; Edge Architecture Specification 1.0, section 2.
"""


def is_shared_cacheable(response: ResponseInfo) -> bool:
    """
    True where a cache may give this response, cookie and all, to other people.

    Source: RFC 9111 section 3: a lifetime is enough, unless it is for one person alone;
    `Expires` is one where `Cache-Control` names none (section 5.3).
    """
    headers = response.headers
    answers = [_is_shared(headers.get(name, "").lower()) for name in CONTROLS]
    if True in answers:
        return True
    expires = headers.get("expires")
    if answers[-1] is not None or not expires:
        return False
    try:
        until = parsedate_to_datetime(expires)
    except (ValueError, OverflowError):  # such as 0: it has expired
        return False
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return until > datetime.now(UTC)


def _is_shared(control: str) -> bool | None:
    """What a field of `CONTROLS` says; None where it says nothing of it."""
    directives = {
        name.strip(): value.strip(' "')
        for name, _, value in (one.partition("=") for one in control.split(","))
    }
    if "public" in directives or "s-maxage" in directives:
        return True
    if "private" in directives or "no-store" in directives:
        return False
    if "max-age" in directives:
        return directives["max-age"].strip("0") != ""
    return None
