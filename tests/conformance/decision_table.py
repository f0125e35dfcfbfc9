"""
The page decision table: what a request and its response make of a page view.

One row is one exchange; the same rows are run through the pure policy and through
every framework. A row starts from a browser's visit to an HTML page and says what is
different.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neutral import ANONYMOUS, HTML, View, browser, plain

from segment_integrations import no_page, page_name
from segment_integrations.core.request import RequestInfo

PLAIN_HTTP = {
    "Sec-Fetch-Dest": None,
    "Sec-Fetch-Mode": None,
    "Sec-Fetch-Site": None,
    "Sec-Fetch-User": None,
}
"""What a browser leaves out on plain http, and an old one everywhere."""

XHTML = "application/xhtml+xml"
JSON = {"Content-Type": "application/json"}


@no_page
def quiet(_: object) -> Any:
    """A view with the mark."""
    return plain(_)  # type: ignore[arg-type]


@page_name("Product")
def named(_: object) -> Any:
    """A view with a name of its own."""
    return plain(_)  # type: ignore[arg-type]


def is_internal(request: RequestInfo) -> bool:
    return request.path.startswith("/internal")


@dataclass(frozen=True)
class Row:
    """
    One exchange and its decision.

    Args:
        id: The acceptance id, and what the row is about.
        reason: ``page``, or the rule that says no.
        sent: Request headers over a browser's; None takes one away.
        cookie: The Cookie header.
        method: The method.
        path: The path.
        status: The response's status.
        answered: The response's headers.
        settings: The settings.
        view: The view, for its marks.
    """

    id: str
    reason: str
    sent: Mapping[str, str | None] = field(default_factory=dict)
    cookie: str = f"ajs_anonymous_id={ANONYMOUS}"
    method: str = "GET"
    path: str = "/"
    status: int = 200
    answered: Mapping[str, str] = field(default_factory=lambda: dict([HTML]))
    settings: Mapping[str, Any] = field(default_factory=dict)
    view: View | Callable[..., Any] = plain

    @property
    def request_headers(self) -> dict[str, str]:
        headers = {**browser(cookie=self.cookie), **self.sent}
        return {name: value for name, value in headers.items() if value is not None}


def _html(**more: str) -> dict[str, str]:
    return {"Content-Type": HTML[1], **more}


ROWS = [
    # -- what is a page view --------------------------------------------------------
    Row("PG-1 a browser's visit", "page"),
    Row("PG-1 a query string", "page", path="/?utm_source=news&q=1"),
    Row("PG-1 html without a charset", "page", answered={"Content-Type": "text/html"}),
    Row("PG-1 html in capitals", "page", answered={"Content-Type": "Text/HTML"}),
    Row("PG-1 xhtml", "page", answered={"Content-Type": XHTML}),
    Row("PG-1 a 203", "page", status=203),
    Row("PG-1 a 201 with html", "page", status=201),
    Row(
        "PG-1 shown inline",
        "page",
        answered=_html(**{"Content-Disposition": "inline"}),
    ),
    Row("PG-1 a public page", "page", answered=_html(**{"Cache-Control": "public"})),
    Row("PG-1 plain http", "page", sent=PLAIN_HTTP),
    Row("PG-1 html named last", "page", sent={**PLAIN_HTTP, "Accept": "*/*,text/html"}),
    Row(
        "PG-1 html at low quality",
        "page",
        sent={**PLAIN_HTTP, "Accept": "text/html;q=0.1"},
    ),
    Row("PG-1 a typed address after a redirect", "page", sent={"Sec-Fetch-User": None}),
    Row("PG-1 an objection that nobody sells", "page", sent={"DNT": "1"}),
    Row("PG-1 a privacy signal of 0", "page", sent={"Sec-GPC": "0"}),
    Row(
        "PG-1 a telephone called Cubot",
        "page",
        sent={
            "User-Agent": "Mozilla/5.0 (Linux; Android 9; CUBOT X18) AppleWebKit/537.36"
            " (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
        },
    ),
    Row("PG-1 a quoted anonymous id", "page", cookie='ajs_anonymous_id="abcd-1234"'),
    Row("PG-1 a path like an excluded one", "page", path="/healthy"),
    Row("PG-1 a path below no exclusion", "page", path="/administration"),
    Row("PG-1 a view with its own name", "page", view=named),
    Row(
        "PG-3 a boosted visit",
        "page",
        sent={"HX-Request": "true", "HX-Boosted": "true", "Sec-Fetch-Dest": "empty"},
    ),
    Row(
        "PG-3 htmx restores history",
        "page",
        sent={
            "HX-Request": "true",
            "HX-History-Restore-Request": "true",
            "Sec-Fetch-Dest": "empty",
        },
    ),
    Row("PG-3 a 304 navigation", "page", status=304, answered={}),
    Row("PG-3 a whole-body unpoly visit", "page", sent={"X-Up-Target": "body"}),
    Row("PG-3 an unpoly visit of main", "page", sent={"X-Up-Target": ":main"}),
    # -- the response ---------------------------------------------------------------
    Row("PG-2 a redirect", "status", status=302, answered=_html(Location="/")),
    Row(
        "PG-2 a permanent redirect", "status", status=308, answered=_html(Location="/")
    ),
    Row("PG-2 a 404", "status", status=404),
    Row("PG-2 a 403", "status", status=403),
    Row("PG-2 a 422", "status", status=422),
    Row("PG-2 a 500", "status", status=500),
    Row("PG-2 a 503", "status", status=503),
    Row("PG-2 json to a navigation", "not_html", answered=JSON),
    Row(
        "PG-2 an event stream",
        "not_html",
        answered={"Content-Type": "text/event-stream"},
    ),
    Row(
        "PG-2 a csv download",
        "not_html",
        answered={
            "Content-Type": "text/csv",
            "Content-Disposition": 'attachment; filename="a.csv"',
        },
    ),
    Row(
        "PG-2 an html download",
        "attachment",
        answered=_html(**{"Content-Disposition": "attachment"}),
    ),
    Row(
        "PG-2 a download in capitals",
        "attachment",
        answered=_html(**{"Content-Disposition": "Attachment; filename=a"}),
    ),
    Row("PG-2 plain text", "not_html", answered={"Content-Type": "text/plain"}),
    Row("PG-2 an image", "not_html", answered={"Content-Type": "image/png"}),
    Row("PG-2 a response of no type", "not_html", answered={}),
    Row("PG-2 a 204", "not_html", status=204, answered={}),
    # -- the method -----------------------------------------------------------------
    Row("PG-2 a HEAD", "method", method="HEAD"),
    Row("PG-2 an OPTIONS", "method", method="OPTIONS"),
    Row("PG-2 a PUT", "method", method="PUT"),
    Row("PG-2 a DELETE", "method", method="DELETE"),
    Row("PG-4 a form shown again", "method", method="POST"),
    Row(
        "PG-4 a form shown again, asked for",
        "page",
        method="POST",
        settings={"methods": {"GET", "POST"}},
    ),
    Row(
        "PG-4 a GET where POST was added", "page", settings={"methods": ["get", "post"]}
    ),
    Row(
        "PG-4 a HEAD where POST was added",
        "method",
        method="HEAD",
        settings={"methods": {"GET", "POST"}},
    ),
    # -- prefetches -----------------------------------------------------------------
    Row("PG-2 a prefetch", "prefetch", sent={"Sec-Purpose": "prefetch"}),
    Row("PG-2 a prerender", "prefetch", sent={"Sec-Purpose": "prefetch;prerender"}),
    Row("PG-2 an old prefetch", "prefetch", sent={"Purpose": "prefetch"}),
    Row("PG-2 Safari's preview", "prefetch", sent={"X-Purpose": "preview"}),
    Row("PG-2 Firefox's prefetch", "prefetch", sent={"X-Moz": "prefetch"}),
    Row("PG-2 Turbo's prefetch", "prefetch", sent={"X-Sec-Purpose": "prefetch"}),
    Row(
        "PG-2 a boosted prefetch",
        "prefetch",
        sent={"HX-Request": "true", "HX-Boosted": "true", "Purpose": "prefetch"},
    ),
    # -- fragments ------------------------------------------------------------------
    Row(
        "PG-2 an htmx fragment",
        "fragment",
        sent={"HX-Request": "true", "Sec-Fetch-Dest": "empty"},
    ),
    Row(
        "PG-2 an htmx fragment of old",
        "fragment",
        sent={**PLAIN_HTTP, "HX-Request": "true"},
    ),
    Row("PG-2 a turbo frame", "fragment", sent={"Turbo-Frame": "cart"}),
    Row("PG-2 an unpoly fragment", "fragment", sent={"X-Up-Target": ".cart"}),
    Row("PG-2 a pjax fragment", "fragment", sent={"X-PJAX-Container": "#main"}),
    Row(
        "PG-2 jquery",
        "fragment",
        sent={**PLAIN_HTTP, "X-Requested-With": "XMLHttpRequest"},
    ),
    Row(
        "PG-2 a partial inertia reload",
        "fragment",
        sent={"X-Inertia": "true", "X-Inertia-Partial-Component": "Cart"},
        answered={**JSON, "X-Inertia": "true"},
        settings={"spa_navigation": True},
    ),
    # -- navigation -----------------------------------------------------------------
    Row(
        "PG-2 a fetch of html",
        "not_navigation",
        sent={"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    ),
    Row(
        "PG-2 a json fetch",
        "not_html",
        sent={"Sec-Fetch-Dest": "empty", "Accept": "application/json"},
        answered=JSON,
    ),
    Row("PG-2 an image tag", "not_navigation", sent={"Sec-Fetch-Dest": "image"}),
    Row("PG-2 a script tag", "not_navigation", sent={"Sec-Fetch-Dest": "script"}),
    Row("PG-2 an iframe", "not_navigation", sent={"Sec-Fetch-Dest": "iframe"}),
    Row("PG-2 a frame", "not_navigation", sent={"Sec-Fetch-Dest": "frame"}),
    Row("PG-2 an embed", "not_navigation", sent={"Sec-Fetch-Dest": "embed"}),
    Row("PG-2 an object", "not_navigation", sent={"Sec-Fetch-Dest": "object"}),
    Row(
        "PG-2 a service worker",
        "not_navigation",
        sent={"Sec-Fetch-Dest": "serviceworker"},
    ),
    Row(
        "PG-2 a tool that takes anything",
        "not_accepted",
        sent={**PLAIN_HTTP, "Accept": "*/*"},
    ),
    Row(
        "PG-2 a tool that takes any text",
        "not_accepted",
        sent={**PLAIN_HTTP, "Accept": "text/*"},
    ),
    Row("PG-2 no Accept at all", "not_accepted", sent={**PLAIN_HTTP, "Accept": None}),
    Row(
        "PG-2 html refused",
        "not_accepted",
        sent={**PLAIN_HTTP, "Accept": "text/html;q=0,*/*"},
    ),
    Row(
        "PG-2 a quality that is none",
        "not_accepted",
        sent={**PLAIN_HTTP, "Accept": "text/html;q=x"},
    ),
    Row("PG-2 a Turbo Drive visit", "not_navigation", sent={"Sec-Fetch-Dest": "empty"}),
    Row(
        "PG-3 a Turbo Drive visit, asked for",
        "page",
        sent={"Sec-Fetch-Dest": "empty"},
        settings={"spa_navigation": True},
    ),
    Row(
        "PG-3 an inertia visit, asked for",
        "page",
        sent={"X-Inertia": "true", "Sec-Fetch-Dest": "empty"},
        answered={**JSON, "X-Inertia": "true"},
        settings={"spa_navigation": True},
    ),
    Row(
        "PG-2 an image where visits by script count",
        "not_navigation",
        sent={"Sec-Fetch-Dest": "image"},
        settings={"spa_navigation": True},
    ),
    # -- exclusions -----------------------------------------------------------------
    Row("PG-2 the favicon", "excluded_path", path="/favicon.ico"),
    Row("PG-2 robots.txt", "excluded_path", path="/robots.txt"),
    Row("PG-2 a well-known address", "excluded_path", path="/.well-known/security.txt"),
    Row("PG-2 a static page", "excluded_path", path="/static/about.html"),
    Row("PG-2 a health check", "excluded_path", path="/healthz"),
    Row("PG-2 a health check with a slash", "excluded_path", path="/healthz/"),
    Row("PG-2 an admin site", "excluded_path", path="/admin/users"),
    Row(
        "PG-2 an excluded folder",
        "excluded_path",
        path="/internal/x",
        settings={"exclude": ["/internal/"]},
    ),
    Row(
        "PG-2 an excluded pattern",
        "excluded_path",
        path="/a/report-7",
        settings={"exclude": ["/a/report-*"]},
    ),
    Row(
        "PG-2 an excluding predicate",
        "excluded_path",
        path="/internal/x",
        settings={"exclude": [is_internal]},
    ),
    Row(
        "PG-2 outside the exclusions",
        "page",
        path="/a",
        settings={"exclude": ["/internal/", is_internal]},
    ),
    Row("PG-2 a view with the mark", "excluded_view", view=quiet),
    # -- programs -------------------------------------------------------------------
    Row("PG-2 kube-probe", "bot", sent={"User-Agent": "kube-probe/1.30"}),
    Row("PG-2 a load balancer", "bot", sent={"User-Agent": "ELB-HealthChecker/2.0"}),
    Row(
        "PG-2 a health check of DNS",
        "bot",
        sent={"User-Agent": "Amazon-Route53-Health-Check-Service (ref x)"},
    ),
    Row("PG-2 an assistant", "bot", sent={"User-Agent": "ChatGPT-User/1.0"}),
    Row(
        "PG-2 Googlebot",
        "bot",
        sent={
            "User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
        },
    ),
    Row("PG-2 curl", "bot", sent={"User-Agent": "curl/8.9.1"}),
    Row("PG-2 no user agent", "bot", sent={"User-Agent": None}),
    Row("PG-2 an empty user agent", "bot", sent={"User-Agent": " "}),
    Row(
        "PG-2 a bot, asked for",
        "page",
        sent={"User-Agent": "Googlebot/2.1"},
        settings={"bots": "included"},
    ),
    # -- the browser library --------------------------------------------------------
    Row("PG-1 no server pages", "pages_off", settings={"pages": "off"}),
    Row(
        "PG-1 the fallback beside the browser library",
        "browser_library",
        settings={"pages": "fallback"},
    ),
    Row(
        "PG-1 the fallback without it",
        "page",
        cookie="",
        settings={"pages": "fallback", "user": lambda _: "u-1"},
    ),
    # -- who, and whether they agree ------------------------------------------------
    Row("PG-1 nobody is known", "no_identity", cookie=""),
    Row("PG-1 a cookie of junk", "no_identity", cookie="ajs_anonymous_id=<b>"),
    Row("PG-1 a user is known", "page", cookie="", settings={"user": lambda _: "u-1"}),
    Row(
        "PG-1 an id may be made", "page", cookie="", settings={"anonymous_cookie": True}
    ),
    Row(
        "PG-1 no id on a shared page",
        "no_identity",
        cookie="",
        settings={"anonymous_cookie": True},
        answered=_html(**{"Cache-Control": "s-maxage=60"}),
    ),
    Row("PG-1 consent refused", "consent", settings={"consent": lambda _: False}),
    Row("PG-1 consent given", "page", settings={"consent": lambda _: True}),
    Row(
        "PG-1 consent by category",
        "page",
        settings={"consent": lambda _: {"analytics": True}},
    ),
    Row("PG-1 an empty answer is a no", "consent", settings={"consent": lambda _: {}}),
    Row("PG-1 a privacy signal", "gpc", sent={"Sec-GPC": "1"}),
    Row(
        "PG-1 a privacy signal, not respected",
        "page",
        sent={"Sec-GPC": "1"},
        settings={"respect_gpc": False},
    ),
    Row(
        "PG-1 a privacy signal, but consent",
        "page",
        sent={"Sec-GPC": "1"},
        settings={"consent": lambda _: True},
    ),
    Row("PG-1 nobody is sampled", "sampled_out", settings={"sample": 0.0}),
]
