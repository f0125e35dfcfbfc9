"""How the app's analytics are tested: ``pytest``, without network or write key."""

import asyncio

from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from app import make_app

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


def visit(*steps):
    async def run():
        jar = CookieJar(unsafe=True)  # which keeps cookies of an address, too
        async with TestClient(TestServer(make_app()), cookie_jar=jar) as client:
            for method, path, options in steps:
                await client.request(method, path, **options)

    asyncio.run(run())


def test_a_visitor_sees_a_page(segment_events):
    visit(("GET", "/products/teapot", {"headers": BROWSER}))
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_user_signs_in_and_checks_out(segment_events):
    visit(
        ("GET", "/products/teapot", {"headers": BROWSER}),
        ("POST", "/signin", {"data": {"name": "Ada"}}),
        ("POST", "/checkout", {}),
    )
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified("user-1", anonymous_id=visitor)
    segment_events.assert_tracked("Checkout Started", user_id="user-1")
