"""The anonymous id's cookie, which the browser library shares, and when it is set."""

from __future__ import annotations

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


def is_shared_cacheable(response: ResponseInfo) -> bool:
    """
    True where a cache may give this response, cookie and all, to other people.

    Source: RFC 9111 section 3: a lifetime is enough, unless it is for one person alone.
    """
    control = response.headers.get("cache-control", "").lower()
    directives = {
        name.strip(): value.strip(' "')
        for name, _, value in (one.partition("=") for one in control.split(","))
    }
    if "public" in directives or "s-maxage" in directives:
        return True
    if "private" in directives or "no-store" in directives:
        return False
    return directives.get("max-age", "").strip("0") != ""
