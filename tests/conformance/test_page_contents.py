"""What a page call, and every event of a request, says about the request."""

from __future__ import annotations

import time

import pytest
from neutral import ANONYMOUS, HTML, PEER, Reply, plain

from segment_integrations import __version__, current, page, page_name, track
from segment_integrations.core.events import wire_time
from segment_integrations.testing import BROWSER_HEADERS

SENT = {
    "Referer": "https://search.example/find?q=shoes&utm_source=theirs#top",
    "Sec-CH-UA": '"Chromium";v="140", "Not=A?Brand";v="24"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"Linux"',
}
PATH = "/products/red-shoes?utm_source=news&utm_campaign=spring&q=secret"
FACTS = {
    "path": "/products/red-shoes",
    "referrer": "https://search.example/find?utm_source=theirs",
    "search": "?utm_source=news&utm_campaign=spring",
    "url": "http://testserver/products/red-shoes?utm_source=news&utm_campaign=spring",
}


def product(_):
    """A view with a name."""
    track("Product Viewed", {"slug": "red-shoes"})
    return Reply()


def test_a_page_call_has_what_the_spec_names(make_site):
    """A page call has the same name, properties and ids in every framework."""
    site = make_site({"/products/{slug}": product})
    site.visit(PATH, SENT)
    (page,) = site.events.pages
    assert page["name"] == "/products/{slug}"
    assert page["anonymousId"] == ANONYMOUS
    assert "userId" not in page
    view = page["properties"].pop("view")
    assert "product" in view
    assert page["properties"] == {
        **FACTS,
        "route": "/products/{slug}",
        "method": "GET",
        "status": 200,
    }


def test_every_event_of_a_request_has_its_context(make_site):
    """Address, agent, language, page, campaign and library are on each event."""
    site = make_site({"/products/{slug}": product})
    site.visit(PATH, SENT)
    (page,), (tracked,) = site.events.pages, site.events.tracks
    expected = {
        "ip": PEER,
        "userAgent": BROWSER_HEADERS["User-Agent"],
        "userAgentData": {
            "brands": [
                {"brand": "Chromium", "version": "140"},
                {"brand": "Not=A?Brand", "version": "24"},
            ],
            "mobile": False,
            "platform": "Linux",
        },
        "locale": "en-US",
        "page": FACTS,
        "referrer": {"url": FACTS["referrer"]},
        "campaign": {"source": "news", "name": "spring"},
        "library": {"name": "segment-integrations", "version": __version__},
    }
    assert expected == page["context"]
    assert expected == tracked["context"]


def test_an_automatic_page_call_is_one_that_a_view_could_make(make_site):
    """It says what `page()` says in the same request, and the status."""
    asks = []

    def view(_):
        for ask in asks:
            ask()
        return Reply()

    site = make_site({"/products/{slug}": view})
    site.visit(PATH, SENT)
    asks.append(page)
    site.visit(PATH, SENT)
    automatic, asked = site.events.pages
    assert 200 == automatic["properties"].pop("status")
    for one in (automatic, asked):
        del one["messageId"], one["timestamp"]
    assert automatic == asked
    assert list(automatic) == list(asked)


def test_the_timestamp_of_a_page_is_the_request_s_start(make_site):
    """A page is of the moment at which the request came, not the response."""
    starts = []

    def slow(_):
        starts.append(wire_time(current().started))
        while wire_time(time.time()) <= starts[0]:
            pass
        track("Late")
        return Reply()

    site = make_site({"/": slow})
    site.visit()
    assert starts == [site.events.pages[0]["timestamp"]]
    assert site.events.tracks[0]["timestamp"] > starts[0]


def test_each_message_has_an_id_of_its_own(make_site):
    """No two messages share a `messageId`."""
    site = make_site({"/products/{slug}": product})
    for _ in range(5):
        site.visit("/products/a")
    ids = [message["messageId"] for message in site.events.messages]
    assert len(ids) == 10
    assert len(set(ids)) == 10


@pytest.mark.parametrize(
    ("route", "path", "template"),
    [
        ("/", "/", "/"),
        ("/about", "/about", "/about"),
        ("/items/{item_id:int}", "/items/7", "/items/{item_id}"),
        ("/a/{x}/b/{y}", "/a/1/b/2", "/a/{x}/b/{y}"),
        ("/folder/", "/folder/", "/folder/"),
        ("/files/{rest:path}", "/files/a/b.html", "/files/{rest}"),
    ],
)
def test_rt_5_one_normal_form(make_site, driver, route, path, template):
    """A route template looks the same in every framework."""
    if driver.framework == "litestar":  # its routes never end with a slash
        template = template.rstrip("/") or "/"
    site = make_site({route: plain})
    site.visit(path)
    (page,) = site.events.pages
    assert template == page["name"] == page["properties"]["route"]
    assert page["properties"]["path"] == path


def test_rt_3_one_name_for_one_route(make_site):
    """However many addresses a route has, its pages have one name."""
    site = make_site({"/items/{slug}": plain})
    for number in range(20):
        site.visit(f"/items/{number}")
    assert {"/items/{slug}"} == {page["name"] for page in site.events.pages}


def test_a_view_names_its_page(make_site):
    """`page_name` names the page, and the route stays a property."""

    @page_name("Product")
    def view(_):
        return Reply()

    site = make_site({"/p/{slug}": view})
    site.visit("/p/1")
    (page,) = site.events.pages
    assert page["name"] == "Product"
    assert page["properties"]["route"] == "/p/{slug}"


def test_an_event_before_the_page_has_the_same_page(make_site):
    """A track call in the view knows the page that the response will be."""

    def view(_):
        track("Early")
        return Reply(404, [HTML])

    site = make_site({"/p/{slug}": view})
    site.visit("/p/1")
    (tracked,) = site.events.messages
    assert tracked["context"]["page"]["path"] == "/p/1"


def test_a_path_in_other_letters(make_site):
    """Percent-encoded letters are read as UTF-8, and are quoted in the url."""
    site = make_site({"/p/{slug}": plain})
    site.visit("/p/caf%C3%A9%20au")
    (page,) = site.events.pages
    assert page["properties"]["path"] == "/p/café au"
    assert page["properties"]["url"] == "http://testserver/p/caf%C3%A9%20au"


@pytest.mark.parametrize("status", [200, 500])
def test_https_and_a_port(make_site, status):
    """The url has the scheme and the host that the framework accepts."""
    site = make_site({"/": lambda _: track("Seen") and Reply(status)})
    site.visit(headers={"Host": "shop.example:8443"}, scheme="https")
    (tracked,) = site.events.tracks
    assert tracked["context"]["page"]["url"] == "https://shop.example:8443/"
