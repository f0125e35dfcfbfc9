"""Page calls, routes and what stays untouched in a Django request."""

import asyncio
import logging
import re

import django
import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory
from django.urls import path as url

from segment_integrations import current
from segment_integrations.django.middleware import SegmentMiddleware
from segment_integrations.django.routing import normal_form, of_path
from segment_integrations.testing import BROWSER_HEADERS

UUID = "0fbc04a4-7e2d-4f0e-8d5f-2c9d2f8a3b11"


@pytest.mark.parametrize("path", ["/plain?utm_source=x&q=secret", "/aplain"])
def test_page_call(browser, segment_events, path):
    """A page view under WSGI and ASGI, by sync and async views, is one page call."""
    response = browser.get(path, headers={"Referer": "https://example.org/a?b=c"})
    assert 200 == response.status_code
    (page,) = segment_events.messages
    route = path.partition("?")[0]
    assert route == page["name"]
    assert {
        "path": route,
        "route": route,
        "method": "GET",
        "status": 200,
        "referrer": "https://example.org/a",
    }.items() <= page["properties"].items()
    assert f"http://testserver{route}" in page["properties"]["url"]
    assert "secret" not in str(page)
    assert "127.0.0.1" == page["context"]["ip"]
    assert BROWSER_HEADERS["User-Agent"] == page["context"]["userAgent"]


def test_view_name(browser, segment_events):
    """The URL's name, else the function's path, is `properties.view`."""
    browser.get("/plain")
    browser.get("/aplain")
    assert ["plain", "django_urls.aplain"] == [
        page["properties"]["view"] for page in segment_events.pages
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/named", "Named"), ("/named-detail/5", "Product"), (f"/detail/{UUID}", None)],
)
def test_page_name(browser, segment_events, path, name):
    """`page_name` is found on functions, below decorators and on view classes."""
    browser.get(path)
    (page,) = segment_events.pages
    assert (name or "/detail/{pk}") == page["name"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/unseen", "/assets/pyproject.toml", "/json", "/raises", "/nowhere"]
)
def test_no_page(browser, segment_events, path):
    """Marked views, static files, JSON and errors are no page views."""
    browser.get(path).close()
    assert [] == segment_events.messages


@pytest.mark.django_db
def test_admin_is_internal(browser, segment_events):
    """The admin site is not the application's, wherever it is mounted."""
    assert 200 == browser.get("/admin-site/login/").status_code
    assert [] == segment_events.messages


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/articles/2024/tech/", "/articles/{year}/{section}/"),
        ("/articles/2024/7/", "/articles/{year}/{section}/"),
        ("/old/2024/", "/old/{y}/page-{n}/"),
        ("/old/2024/page-3/", "/old/{y}/page-{n}/"),
        ("/unnamed/12/ac.html", "/unnamed/{0}/{1}.html"),
        (f"/detail/{UUID}", "/detail/{pk}"),
        ("/en/hello/x", "/en/hello/{token}"),
    ],
)
def test_rt5_routes_of_requests(browser, segment_events, path, route):
    """RT-5: Every kind of route has the one normal form, and names the page."""
    browser.get(path)
    (page,) = segment_events.pages
    assert route == page["properties"]["route"]
    assert route == page["name"]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("", "/"),
        ("a/<int:id>", "/a/{id}"),
        ("a/<id>/b/<my:x>.pdf", "/a/{id}/b/{x}.pdf"),
        (r"^a/(?P<y>[0-9]{4})/$", "/a/{y}/"),
        (r"^a/(?P<y>(?:19|20)\d\d)\Z", "/a/{y}"),
        (r"a/(?P<y>(\d)(\d))/(\w+)/$", "/a/{y}/{2}/"),
        (r"^(\d+)/((x)y)/(z)$", "/{0}/{1}/{3}"),
        (r"^a(?:/b)?(?:/(?P<c>[^/)(]+))*$", "/a/b/{c}"),
        (r"^a(?=x)(?!y)(?<=a)(?<!z)(?i:b)$", "/ab"),
        (r"^a\.b\-c/\d+$", r"/a.b-c/\d+"),
        (r"^[^/]+/[]x]/(?P<n>a{2,3}){1,2}$", "/[^/]+/[]x]/{n}"),
        ("<int:y>/(?P<z>x)/$", "/{y}/{z}/"),
        ("a<b", "/a<b"),
        ("[a", "/[a"),
        ("a)b", "/a"),
        (r"^(?P<a>x", "/{a}"),
        ("trailing\\", "/trailing"),
    ],
)
def test_rt5_normal_form(route, expected):
    """RT-5: Convertors and groups become names in braces; what only matches goes."""
    assert expected == normal_form(route)


def test_rt3_one_name_for_a_thousand_pages(wsgi, segment_events):
    """RT-3: A route with parameters gives one name."""
    for number in range(100):
        wsgi.get(f"/named-detail/{number}")
        wsgi.get(f"/articles/{number}/x/")
    assert 2 == len({page["name"] for page in segment_events.pages})


def test_pv1_secrets_in_the_path(browser, segment_events):
    """PV-1: Secrets in the path are masked, in the page and in its own referrer."""
    browser.get("/reset/MQ/abc-123/?email=a@b.c&utm_source=x")
    browser.get(
        "/plain", headers={"Referer": "http://testserver/reset/MQ/abc-123/?a=b"}
    )
    browser.get("/plain", headers={"Referer": "http://testserver/de/hello/abc-123"})
    first, second, third = segment_events.pages
    assert "/reset/***/***/" == first["properties"]["path"]
    assert "?utm_source=x" == first["properties"]["search"]
    assert "http://testserver/reset/***/***/" == second["properties"]["referrer"]
    assert "http://testserver/de/hello/***" == third["properties"]["referrer"]
    for page in (first, second, third):
        assert "abc-123" not in str(page)
        assert "a@b.c" not in str(page)


def test_pv1_secrets_before_routing(browser, settings, segment_events):
    """PV-1: An event that a middleware sends before routing is masked too."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_neighbours.Tracks"]
    browser.get("/reset/MQ/abc-123/")
    track = segment_events.assert_tracked("Early")
    assert "/reset/***/***/" == track["context"]["page"]["path"]


def test_referrers_are_resolved_in_a_bound(settings):
    """RT-4: What is remembered of resolved paths does not grow without end."""
    from segment_integrations.django.routing import _resolved

    for number in range(3000):
        of_path(f"/articles/{number}/x/")
        of_path(f"/nowhere/{number}")
    assert _resolved.cache_info().currsize <= 1024
    assert of_path("/" + "x" * 5000) is None
    assert of_path("/here/1", (url("here/<int:n>", str),)).params == {"n": "1"}


def test_dj10_disallowed_host(browser, segment_events, caplog):
    """DJ-10: A bad host costs the page its host, and is no failure of ours."""
    response = browser.get("/public", headers={"Host": "evil.example"})
    assert 200 == response.status_code
    (page,) = segment_events.pages
    assert "/public" == page["properties"]["url"]
    assert "evil" not in str(page)
    assert [] == [one for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.fixture(autouse=True)
def _no_common_middleware(request, settings):
    if "dj10" in request.node.name:  # it asks for the host itself
        settings.MIDDLEWARE = [
            one for one in settings.MIDDLEWARE if "CommonMiddleware" not in one
        ]


def test_scheme_behind_a_proxy(wsgi, settings, segment_events):
    """The scheme is what Django sees by SECURE_PROXY_SSL_HEADER."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    wsgi.get("/plain", headers={"X-Forwarded-Proto": "https", "Host": "localhost"})
    (page,) = segment_events.pages
    assert "https://localhost/plain" == page["properties"]["url"]


def test_script_name(wsgi, segment_events):
    """The path includes where the project is mounted; the route does not."""
    wsgi.get(
        "/plain",
        headers={"Referer": "http://testserver/app/reset/a/b/"},
        SCRIPT_NAME="/app",
    )
    (page,) = segment_events.pages
    assert "/app/plain" == page["properties"]["path"]
    assert "/plain" == page["properties"]["route"]
    assert "http://testserver/app/reset/***/***/" == page["properties"]["referrer"]


def test_ctx5_installed_twice(browser, settings, segment_events):
    """CTX-5: The middleware listed twice makes one page call."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, settings.MIDDLEWARE[3]]
    browser.get("/tracked")
    assert ["track", "track", "page"] == [one["type"] for one in segment_events]


def test_ctx3_nothing_is_left_bound(browser, segment_events):
    """CTX-3: After a request nothing is bound, and the next one starts anew."""
    browser.get("/says-user")
    assert current() is None
    browser.get("/tracked")
    assert [None] * 3 == [one.get("userId") for one in segment_events.messages[2:]]


def test_ctx4_concurrent_requests(segment_events):
    """CTX-4: Each of many requests at once keeps its own identity."""

    async def visit(number):
        client = AsyncClient()
        client.cookies["ajs_anonymous_id"] = f"visitor-{number:04}"
        path = "/atracked" if number % 2 else "/tracked"
        await client.get(f"{path}?utm_source=s{number}", headers=BROWSER_HEADERS)

    async def all_of_them():
        await asyncio.gather(*(visit(number) for number in range(100)))

    asyncio.run(all_of_them())
    assert 300 == len(segment_events)
    for message in segment_events:
        number = int(message["anonymousId"].removeprefix("visitor-"))
        assert f"s{number}" == message["context"]["campaign"]["source"]


def test_pg7_no_header_changes(browser, segment_events):
    """PG-7: With us the response has the headers that it has without us."""

    def headers():
        return dict(browser.get("/public").headers)

    with_us = headers()
    segment_events.assert_page("/public")
    assert {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "public, max-age=60",
        "Content-Length": "6",
    } == with_us


def test_anonymous_cookie(browser, settings, segment_events):
    """`ANONYMOUS_COOKIE` gives a visitor an id with the first page, and only then."""
    settings.SEGMENT = {"ANONYMOUS_COOKIE": True}
    del browser.client.cookies["ajs_anonymous_id"]
    assert {} == browser.get("/json").cookies
    assert {} == browser.get("/public").cookies
    assert [] == segment_events.messages
    morsel = browser.get("/plain").cookies["ajs_anonymous_id"]
    assert ("/", "Lax", "", "") == (
        morsel["path"],
        morsel["samesite"],
        morsel["httponly"],
        morsel["secure"],
    )
    assert 31_536_000 == int(morsel["max-age"])
    assert morsel.value == segment_events.pages[0]["anonymousId"]
    assert {} == browser.get("/plain").cookies
    assert 2 == len({page["messageId"] for page in segment_events.pages})
    assert 1 == len({page["anonymousId"] for page in segment_events.pages})


def test_site_cache_gives_nobody_the_id_of_another(
    browser, settings, segment_events, request
):
    """A page that Django's site-wide cache keeps is kept without an anonymous id."""
    settings.SEGMENT = {"ANONYMOUS_COOKIE": True}
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": request.node.name,
        }
    }
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    del browser.client.cookies["ajs_anonymous_id"]
    first, again = browser.get("/plain"), browser.get("/plain")
    assert "Age" not in first.headers
    assert ("Age" in again.headers) == (django.VERSION >= (5, 0))  # 4.2 tells no age
    assert {} == first.cookies == again.cookies
    assert [] == segment_events.messages


def test_cached_page_is_routed(browser, settings, segment_events):
    """A page that a cache middleware gives has its route and its masks."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_neighbours.Cached"]
    browser.get("/reset/MQ/abc-123/")
    browser.get("/unseen")
    (page,) = segment_events.pages
    assert "/reset/{uidb64}/{token}/" == page["properties"]["route"]
    assert "abc-123" not in str(page)


def test_as2_cancelled_request(segment_events, caplog):
    """AS-2: A request cancelled in its view sends no page and passes the error on."""
    seen = []

    async def view(_):
        seen.append(current())
        raise asyncio.CancelledError

    middleware = SegmentMiddleware(view)
    request = RequestFactory().get("/plain", headers=BROWSER_HEADERS)
    with pytest.raises(asyncio.CancelledError):
        async_to_sync(middleware)(request)
    assert seen[0] is not None
    assert current() is None
    assert [] == segment_events.messages
    assert [] == [one for one in caplog.records if one.levelno > logging.DEBUG]


def test_as3_exception_passes(segment_events):
    """AS-3: What comes through the middleware is the same exception."""
    error = ValueError("the view's")

    def view(_):
        raise error

    with pytest.raises(ValueError, match="the view's") as caught:
        SegmentMiddleware(view)(RequestFactory().get("/plain"))
    assert error is caught.value
    ours = [one for one in caught.traceback if "integrations/django" in str(one.path)]
    assert len(ours) <= 2
    assert current() is None


def test_rule1_failure_of_ours(wsgi, settings, segment_events, caplog):
    """RULE-1: An exception in a hook of the page call leaves the response alone."""

    def fails(_):
        raise RuntimeError("secret")

    settings.SEGMENT = {"EXCLUDE": [fails], "CONSENT": fails}
    assert isinstance(wsgi.get("/plain"), HttpResponse)
    assert [] == segment_events.messages
    assert re.search("exclude failed with RuntimeError", caplog.text)
    assert "secret" not in caplog.text
