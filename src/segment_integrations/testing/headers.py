"""What makes a test client's request a page view."""

from __future__ import annotations

from typing import Final


class _Headers(dict[str, str]):
    """Headers that Starlette's `TestClient`, given them, does not add its own to."""

    def setdefault(self, name: str, default: str = "", /) -> str:
        """Return the header *name* in whatever case, which is left as it is."""
        known = {key.lower(): value for key, value in self.items()}
        return known.get(name.lower(), default)


BROWSER_HEADERS: Final[dict[str, str]] = _Headers(
    {
        "User-Agent": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/140.0.0.0 Safari/537.36"
        ),
        "Accept": (
            "text/html,application/xhtml+xml,application/xml;q=0.9,"
            "image/avif,image/webp,image/apng,*/*;q=0.8"
        ),
        "Accept-Language": "en-US,en;q=0.9",
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Site": "none",
        "Sec-Fetch-User": "?1",
        "Upgrade-Insecure-Requests": "1",
    }
)
"""
A browser's headers on a typed-in address: ``client.get("/", headers=BROWSER_HEADERS)``.

A page call is for people's page views only. A test client says neither that it wants
HTML nor that a person navigates, so without these its requests make no page call;
`track` and the other calls need none of them.
"""
