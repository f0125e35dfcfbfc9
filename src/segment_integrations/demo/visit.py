"""
One scripted visit to the shop over real HTTP, as a browser makes it.

It sends a browser's headers, keeps cookies, follows redirects and posts the forms that
the pages show, hidden fields included. It checks each status and stops at a wrong one.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

BROWSER: Final = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Safari/537.36"
    ),
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.6",
}
"""What the browser sends with every request."""

ACCEPTED: Final = {
    "document": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "empty": "application/json",
    "style": "text/css,*/*;q=0.1",
    "image": "image/avif,image/webp,image/svg+xml,*/*;q=0.8",
}
"""`Accept` by what the browser wants the answer for, its `Sec-Fetch-Dest`."""

MODES: Final = {"document": "navigate", "empty": "cors"}
CAMPAIGN: Final = {
    "utm_source": "newsletter",
    "utm_medium": "email",
    "utm_campaign": "autumn",
}
TIMEOUT_S: Final = 20.0
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_HOPS: Final = 5


class VisitFailed(Exception):  # noqa: N818 - it reads as what happened
    """The shop did not answer as a shop should; the text is one line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the visit and how it was answered."""

    method: str
    path: str
    status: int
    is_page: bool
    """Whether a person saw a page: an HTML document that is no error."""


class _Forms(HTMLParser):
    """The hidden fields of a page's forms, by the address that they post to."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self.hidden.setdefault(values.get("action", ""), {})
        elif tag == "input" and values.get("type") == "hidden":
            self._open[values.get("name", "")] = values.get("value", "")


@dataclass(slots=True)
class Browser:
    """A visitor's browser on one site: cookies, the page shown, and what was asked."""

    base: str
    cookies: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _pool: urllib3.PoolManager = field(init=False)
    _shown: str = ""
    _forms: _Forms = field(default_factory=_Forms)

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(TIMEOUT_S)
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def open(self, path: str, *, expect: int = 200) -> None:
        """Go to *path*, following redirects; the last answer must be *expect*."""
        self._follow("GET", path, None, expect)

    def submit(self, action: str, /, *, expect: int = 200, **fields: str) -> None:
        """Post the shown page's form that goes to *action*, as `open` does."""
        if action not in self._forms.hidden:
            raise VisitFailed(f"{self._shown} has no form for {action}")
        self._follow("POST", action, {**self._forms.hidden[action], **fields}, expect)

    def load(self, path: str, dest: str) -> None:
        """Get *path* for the shown page: a style, an image, data for a script."""
        status, _, _ = self._send("GET", path, dest, None)
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            raise VisitFailed(f"GET {path} answered {status} instead of 200")

    def _follow(
        self, method: str, path: str, fields: dict[str, str] | None, expect: int
    ) -> None:
        asked = f"{method} {path}"
        for _ in range(MAX_HOPS):
            status, location, body = self._send(method, path, "document", fields)
            if status not in REDIRECTS:
                break
            method, path, fields = "GET", location, None
        if status != expect:
            raise VisitFailed(f"{asked} ended with {status} instead of {expect}")
        self._shown = path
        self._forms = _Forms()
        self._forms.feed(body)

    def _send(
        self, method: str, path: str, dest: str, fields: dict[str, str] | None
    ) -> tuple[int, str, str]:
        headers = self._headers(dest)
        body = None
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self.base
            body = urlencode(fields).encode()
        url = urljoin(self.base, path)
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=body, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise VisitFailed(
                f"{method} {path} got no answer ({type(error).__name__})"
            ) from error
        for line in answer.headers.getlist("set-cookie"):
            self._keep(SimpleCookie(line))
        kind = answer.headers.get("content-type", "")
        is_page = (
            method == "GET"
            and dest == "document"
            and answer.status == 200  # noqa: PLR2004 - HTTP's own number
            and kind.startswith("text/html")
        )
        self.steps.append(Step(method, path, answer.status, is_page))
        location = urljoin(url, answer.headers.get("location", ""))
        return answer.status, _relative(location), answer.data.decode("utf-8")

    def _headers(self, dest: str) -> dict[str, str]:
        headers = {
            **BROWSER,
            "Accept": ACCEPTED[dest],
            "Sec-Fetch-Dest": dest,
            "Sec-Fetch-Mode": MODES.get(dest, "no-cors"),
            "Sec-Fetch-Site": "same-origin" if self._shown else "none",
        }
        if dest == "document":
            headers |= {"Sec-Fetch-User": "?1", "Upgrade-Insecure-Requests": "1"}
        if self._shown:
            headers["Referer"] = urljoin(self.base, self._shown)
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers["Cookie"] = "; ".join(pairs)
        return headers

    def _keep(self, cookies: SimpleCookie) -> None:
        for name, morsel in cookies.items():
            gone = morsel["max-age"] == "0" or "1970" in morsel["expires"]
            if gone:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.coded_value


def _relative(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def visit(base: str) -> list[Step]:
    """
    Walk through the shop at *base*, ``"http://127.0.0.1:8000"``, as a new visitor.

    Returns:
        Each request that was made, in order.

    Raises:
        VisitFailed: Something was answered otherwise than it should be.
    """
    browser = Browser(base)
    try:
        browser.open(f"/?{urlencode(CAMPAIGN)}")
        browser.load("/static/shop.css", "style")
        browser.load("/favicon.ico", "image")
        browser.open("/products/teapot")
        browser.load("/api/stock/teapot", "empty")
        browser.open("/old-home")
        browser.open("/no-such-page", expect=404)
        browser.open("/signup")
        browser.submit(
            "/signup",
            name="Ada Example",
            username=f"ada-{uuid.uuid4().hex[:8]}",
            password=uuid.uuid4().hex,
        )
        browser.submit("/cart/teapot")
        browser.submit("/checkout")
        browser.submit("/signout")
        browser.open("/products/blue-mug")
    finally:
        browser.close()
    return browser.steps
