"""
Readers for the `consent` setting: what a visitor agreed to, out of a banner's cookie.

    Analytics(consent=OneTrust({"C0002": "Analytics", "C0004": "Advertising"}))

or, in the environment, ``SEGMENT_CONSENT=segment_integrations.consent:onetrust``. They
work under every framework. A cookie is a claim: what it says is bounded, nothing in it
raises, and where it is missing or can not be read the answer is no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from segment_integrations.core.privacy import clean
from segment_integrations.core.request import parse_cookies

__all__ = ["CookieReader", "Cookiebot", "OneTrust", "cookiebot", "onetrust"]

_COOKIE_MAX_CHARS: Final = 8_192
"""Browsers refuse a cookie of more than 4,096 bytes (RFC 6265, section 6.1)."""

_CATEGORIES_MAX: Final = 64
_NAME_MAX_CHARS: Final = 64
"""Segment's own are shorter than 35 characters."""

_YES: Final = frozenset({"1", "true", "yes", "y", "on", "allow", "allowed", "granted"})
_BETWEEN: Final = re.compile(r"[,;|&]")
_PAIR: Final = re.compile(r"([^:=]+)[:=](.*)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))", re.DOTALL)
_COOKIEBOT: Final = re.compile(r"['\"]?(\w+)['\"]?\s*:\s*(true|false)")
_COOKIEBOT_NAMES: Final = ("necessary", "preferences", "statistics", "marketing")

Pairs = Iterable[tuple[str, bool]]


class CookieReader:
    """
    Reads categories out of the cookie *name*, in any of the usual forms.

    Percent-encoded or not, it may be a JSON object of booleans, a JSON list of what
    was accepted, or a text such as ``analytics:1,ads:0``, ``analytics=true&ads=false``
    or ``analytics|ads``. As yes count 1, true, yes, y, on, allow, allowed, granted.

    Args:
        name: The cookie's name.
        categories: The names to stamp, by the cookie's own, ``{"stats": "Analytics"}``.
            What is not in it is left out, and what the cookie does not name is no; of
            two with one name both must be yes. By default the cookie's own names.
        requires: A category, by the name that is stamped, without which nothing at all
            is sent. By default all is sent, for Segment to route by the categories.
        key: For a JSON object: the key that holds the categories, ``"categories"``.
    """

    takes_info = True
    """Tells `core.consent` to hand over the `RequestInfo`, whatever the framework."""

    def __init__(
        self,
        name: str,
        categories: Mapping[str, str] | None = None,
        *,
        requires: str | None = None,
        key: str | None = None,
    ) -> None:
        self.name = name
        self.requires = requires
        self._categories = None if categories is None else dict(categories)
        self._key = key

    def __call__(self, request: object) -> bool | dict[str, bool]:
        """
        The visitor's categories; False where there are none.

        Args:
            request: A `RequestInfo`, a framework's request, a scope or an environ.
        """
        value = _cookie(request, self.name)
        if not value or len(value) > _COOKIE_MAX_CHARS:
            return False
        found: dict[str, bool] = {}
        for given, allowed in self._pairs(_unquoted(value)):
            category = clean(given.strip(), _NAME_MAX_CHARS)
            if category:
                found[category] = allowed and found.get(category, True)
            if len(found) >= _CATEGORIES_MAX:
                break
        answer = self._renamed(found) if found else {}
        if self.requires is not None and not answer.get(self.requires, False):
            return False
        return answer or False

    def _renamed(self, found: Mapping[str, bool]) -> dict[str, bool]:
        if self._categories is None:
            return dict(found)
        answer: dict[str, bool] = {}
        for own, name in self._categories.items():
            answer[name] = found.get(own, False) and answer.get(name, True)
        return answer

    def _pairs(self, value: str) -> Pairs:
        """The categories in the cookie's *value*, with its yes or no to each."""
        text = unquote(value).strip().strip('"')
        if not text.startswith(("{", "[")):
            return _delimited(text)
        try:
            decoded = json.loads(text)
        except (ValueError, RecursionError):
            return ()
        if self._key is not None:
            decoded = decoded.get(self._key) if isinstance(decoded, dict) else None
        if isinstance(decoded, dict):
            return [
                (name, _is_yes(allowed))
                for name, allowed in decoded.items()
                if isinstance(allowed, bool | int | str)
            ]
        if isinstance(decoded, list):
            return [(name, True) for name in decoded if isinstance(name, str)]
        return ()

    def __repr__(self) -> str:
        """Name the cookie."""
        return f"{type(self).__name__}({self.name!r})"


class OneTrust(CookieReader):
    """
    Reads OneTrust's ``OptanonConsent``: its `groups`, ``C0001:1,C0002:0``.

    Args:
        categories: As for `CookieReader`: ``{"C0002": "Analytics"}``.
        requires: The same.
    """

    def __init__(
        self,
        categories: Mapping[str, str] | None = None,
        *,
        requires: str | None = None,
    ) -> None:
        super().__init__("OptanonConsent", categories, requires=requires)

    def _pairs(self, value: str) -> Pairs:
        if "groups=" not in value:
            value = unquote(value)  # as a whole, by some proxies and frameworks
        try:
            fields = parse_qsl(value, max_num_fields=100, errors="replace")
        except ValueError:
            return ()
        groups = next((one for name, one in fields if name == "groups"), "")
        return [
            (group, allowed == "1")
            for group, colon, allowed in (
                one.partition(":") for one in groups.split(",")
            )
            if colon
        ]


class Cookiebot(CookieReader):
    """
    Reads Cookiebot's ``CookieConsent``: necessary, preferences, statistics, marketing.

    Its ``-1``, for a visitor of whom no consent is required, is a yes to all four.

    Args:
        categories: As for `CookieReader`: ``{"statistics": "Analytics"}``.
        requires: The same.
    """

    def __init__(
        self,
        categories: Mapping[str, str] | None = None,
        *,
        requires: str | None = None,
    ) -> None:
        super().__init__("CookieConsent", categories, requires=requires)

    def _pairs(self, value: str) -> Pairs:
        text = unquote(value).strip()
        if text == "-1":
            return [(name, True) for name in _COOKIEBOT_NAMES]
        # A JavaScript literal, not JSON: its keys have no quotes.
        return [
            (name, allowed == "true")
            for name, allowed in _COOKIEBOT.findall(text)
            if name in _COOKIEBOT_NAMES
        ]


onetrust: Final = OneTrust()
"""`OneTrust` with its own category ids."""

cookiebot: Final = Cookiebot()
"""`Cookiebot` with its own category names."""


def _unquoted(value: str) -> str:
    """
    Undo what `http.cookies` and Werkzeug do to a value that a server sets.

    A framework's own request has undone it, but a `RequestInfo` has it as it was sent.
    """
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':  # noqa: PLR2004 - a pair
        return value
    return _ESCAPED.sub(
        lambda found: chr(int(found[1], 8)) if found[1] else found[2], value[1:-1]
    )


def _delimited(text: str) -> Pairs:
    for one in _BETWEEN.split(text):
        pair = _PAIR.fullmatch(one)
        if pair is None:
            yield one, True  # a list of what was accepted
        else:
            yield pair[1].strip().strip('"'), _is_yes(pair[2].strip().strip('"'))


def _is_yes(value: object) -> bool:
    return str(value).strip().lower() in _YES


def _cookie(request: Any, name: str) -> str | None:
    """The cookie *name* of a request of any kind."""
    cookies = getattr(request, "cookies", None)
    if cookies is None:
        cookies = getattr(request, "COOKIES", None)  # Django's
    if cookies is None and isinstance(request, Mapping):
        cookies = parse_cookies(_header(request))
    value = cookies.get(name) if isinstance(cookies, Mapping) else None
    return value if isinstance(value, str) else None


def _header(request: Mapping[str, Any]) -> str:
    """The ``Cookie`` header of an ASGI scope or a WSGI environ."""
    if "wsgi.url_scheme" in request:
        return str(request.get("HTTP_COOKIE", ""))
    pairs = request.get("headers", ())
    return "; ".join(
        value.decode("latin-1") for header, value in pairs if header == b"cookie"
    )
