"""What of a request may leave the process: addresses, paths, queries, ids, texts."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from segment_integrations.core.encode import joined

REDACTED_PATH_PARAMS: Final = frozenset(
    {
        "access_token",
        "api_key",
        "code",
        "hash",
        "invitation",
        "invite",
        "jwt",
        "key",
        "otp",
        "password",
        "reset_key",
        "reset_token",
        "secret",
        "session_id",
        "sig",
        "signature",
        "token",
        "uid64",
        "uidb64",
    }
)
"""Names of path parameters that carry secrets, as in Django's password-reset link."""

MASK: Final = "***"

# Bounds on what a client claims. A browser's own values are far shorter; the sum of
# them leaves most of an event's 32 KiB to the application's properties.
TEXT_MAX_CHARS: Final = 512
URL_MAX_CHARS: Final = 2_048
ANONYMOUS_ID_MAX_CHARS: Final = 128
LOCALE_MAX_CHARS: Final = 35
"""Source: RFC 5646, section 4.4.1, the longest tag that must be taken."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ANONYMOUS_ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._:@=+/|~-]{1,128}")
_HOST_MAX_CHARS: Final = 259
"""As long as a name and a port can be."""
_NOBODY: Final = frozenset({"null", "undefined"})
_LOCALE = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8})*")
PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/._~-]*")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


def clean(value: str, max_chars: int = TEXT_MAX_CHARS) -> str:
    """*value* without control characters or lone surrogates, at most *max_chars*."""
    value = value[:max_chars]
    if value.isascii():
        if value.isprintable():
            return value
    else:
        value = joined(value)
    return _CONTROL.sub("", value)


text = lru_cache(maxsize=256)(clean)
"""`clean` for what many requests have in common, as a browser's name; cut before."""


def anonymous_id(cookie: str | None) -> str | None:
    """
    The anonymous id that an ``ajs_anonymous_id`` cookie claims, or None for junk.

    Browsers hold it in three forms: bare, in double quotes (analytics.js 1.x wrote
    JSON), and that percent-encoded. It is a claim: it never becomes a `userId`.

    Source: segment-spec 3.2, analytics-next's cookie store.
    """
    if not cookie or len(cookie) > 3 * ANONYMOUS_ID_MAX_CHARS:
        return None
    if _ANONYMOUS_ID.fullmatch(cookie):
        return None if cookie in _NOBODY else cookie
    value = unquote(cookie).strip()
    if value.startswith('"'):
        try:
            decoded = json.loads(value)
        except ValueError:
            return None
        if not isinstance(decoded, str):
            return None
        value = decoded
    if not _ANONYMOUS_ID.fullmatch(value) or value in _NOBODY:
        return None
    return value


@lru_cache(maxsize=256)
def locale(accept_language: str) -> str | None:
    """The first language tag of an ``Accept-Language`` header."""
    tag = accept_language.split(",", 1)[0].split(";", 1)[0].strip()
    if len(tag) > LOCALE_MAX_CHARS or not _LOCALE.fullmatch(tag):
        return None
    return tag


def host(value: str | None) -> str | None:
    """A ``Host`` header that can stand in an address, or None."""
    return value if value and _HOST.fullmatch(value) else None


def origin(scheme: str, name: str | None) -> str:
    """*scheme* and host as an address begins with them; empty without a host."""
    return _origin(scheme, name) if name and len(name) <= _HOST_MAX_CHARS else ""


@lru_cache(maxsize=256)
def _origin(scheme: str, name: str) -> str:
    return f"{scheme}://{name}" if host(name) else ""


@lru_cache(maxsize=1024)
def secrets(params: tuple[str, ...], names: frozenset[str]) -> tuple[str, ...]:
    """
    Of a route's path parameters those whose values are masked.

    Args:
        params: What the route calls them.
        names: Which to mask, in lower case.
    """
    return tuple(one for one in params if one.lower() in names)


def masked_path(path: str, params: Mapping[str, object], names: frozenset[str]) -> str:
    """
    *path* with the values of the path parameters in *names* replaced by ``***``.

    Only whole segments are replaced where a value has no slash, so that a short code
    does not punch holes into the rest of the path.
    """
    for name in secrets(tuple(params), names):
        if not (secret := str(params[name])):
            continue
        if "/" in secret:
            path = path.replace(secret, MASK)
            continue
        parts = path.split("/")
        # A convertor may hold only a part of a segment: /file-<token>.pdf
        whole = secret in parts
        path = "/".join(
            (MASK if part == secret else part) if whole else part.replace(secret, MASK)
            for part in parts
        )
    return path


def masked(
    path: str,
    params: Mapping[str, object],
    names: frozenset[str],
    template: str | None,
) -> str:
    """
    As `masked_path`; where a secret is not to be found, all that it may stand in.

    That is what follows the plain beginning of the *template*.

    Args:
        path: The path.
        params: The texts of the parameters as they stand in *path*; None where that is
            not known.
        names: Which to mask, in lower case.
        template: The route's.
    """
    for name in secrets(tuple(params), names):
        secret = params[name]
        if not isinstance(secret, str) or secret not in path:
            kept = (template or "").partition("{")[0] or "/"
            before, is_there, _ = path.partition(kept)
            return f"{before}{kept}{MASK}" if is_there else f"/{MASK}"
    return masked_path(path, params, names)


def merged(
    one: Mapping[str, str | None], other: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The texts of path parameters of both; None for a name that stands for two."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            both[name] = None
    return both


@lru_cache(maxsize=64)
def _allowed(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(one) for one in patterns) or r"(?!)")


@lru_cache(maxsize=256)
def query_pairs(query: str) -> tuple[tuple[str, str], ...]:
    """The pairs of a query string, cleaned and bounded; never raises."""
    try:
        pairs = parse_qsl(query[:URL_MAX_CHARS], max_num_fields=100, errors="replace")
    except ValueError:
        return ()
    cleaned = ((clean(key), clean(value)) for key, value in pairs)
    return tuple(pair for pair in cleaned if pair[1])  # as `parse_qsl` has it


@lru_cache(maxsize=256)
def search(query: str, patterns: tuple[str, ...]) -> str:
    """``?`` and the allow-listed parameters of *query*, or the empty text."""
    if not query or not patterns:
        return ""
    allowed = _allowed(patterns)
    kept = [pair for pair in query_pairs(query) if allowed.match(pair[0])]
    return "?" + urlencode(kept) if kept else ""


def campaign(query: str) -> dict[str, str]:
    """
    The spec's `context.campaign` out of the ``utm_*`` parameters of *query*.

    Source: segment-spec 2.4: the prefix is dropped, and ``campaign`` becomes `name`.
    """
    if "utm_" not in query:
        return {}
    found = {}
    for key, value in query_pairs(query):
        if key.startswith("utm_") and len(key) > len("utm_"):
            name = key.removeprefix("utm_")
            found["name" if name == "campaign" else name] = value
    return found


@lru_cache(maxsize=256)
def split_url(url: str) -> tuple[str, str, str] | None:
    """
    Scheme with host, path and query of an address, or None when it has no host.

    Userinfo and fragment are left out: the one is a password, the other never
    reaches a server by itself.
    """
    try:
        parts = urlsplit(clean(url, URL_MAX_CHARS))
        netloc = parts.netloc.rpartition("@")[2]
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or host(netloc) is None:
        return None
    return f"{parts.scheme}://{netloc}", parts.path or "/", parts.query


def quoted(path: str) -> str:
    """*path* as it stands in an address; what is quoted already stays so."""
    return path if PLAIN_PATH.fullmatch(path) else _quoted(path)


@lru_cache(maxsize=256)
def _quoted(path: str) -> str:
    return quote(path, safe="/%:@!$&'()*+,;=~-._")
