"""How the app's analytics are tested: ``pytest``, without network or write key."""

import pytest
from app import app
from litestar.testing import TestClient

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


@pytest.fixture
def client():
    with TestClient(app) as client:
        yield client


def test_a_visitor_sees_a_page(client, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_user_signs_in_and_checks_out(client, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    client.post("/signin", data={"name": "Ada"})
    client.post("/checkout")
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified("user-1", anonymous_id=visitor)
    segment_events.assert_tracked("Checkout Started", user_id="user-1")


def test_nothing_is_a_users_after_they_left(client, segment_events):
    client.post("/signin", data={"name": "Ada"})
    client.post("/signout")
    client.get("/products/teapot", headers=BROWSER)
    segment_events.assert_page("/products/{slug}", user_id=None)
