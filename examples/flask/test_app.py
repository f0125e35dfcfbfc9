"""How the app's analytics are tested: ``pytest``, without network or write key."""

import pytest
from app import app

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


@pytest.fixture
def client():
    return app.test_client()


def test_a_visitor_sees_a_page(client, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_visitor_signs_in(client, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    client.post("/signin", data={"name": "Ada"})
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified("user-1", anonymous_id=visitor)


def test_a_user_checks_out(client, segment_events):
    client.post("/signin", data={"name": "Ada"})
    client.post("/checkout", data={"currency": "EUR", "value": "34.5"})
    segment_events.assert_tracked(
        "Checkout Started",
        user_id="user-1",
        properties={"currency": "EUR", "value": 34.5},
    )


def test_nothing_is_a_users_after_they_left(client, segment_events):
    client.post("/signin", data={"name": "Ada"})
    client.post("/signout")
    client.get("/products/teapot", headers=BROWSER)
    segment_events.assert_page("/products/{slug}", user_id=None)
