"""How the app's analytics are tested: ``pytest``, without network or write key."""

import pytest
from app import app
from fastapi.testclient import TestClient

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


@pytest.fixture
def client():
    with TestClient(app, headers=BROWSER) as client:
        yield client


def test_a_visitor_sees_a_page(client, segment_events):
    client.get("/products/teapot")
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_visitor_signs_up(client, segment_events):
    client.get("/products/teapot")
    client.post("/signup", json={"name": "Ada"})
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified("user-1", anonymous_id=visitor)


def test_a_user_checks_out(client, segment_events):
    cart = {"currency": "EUR", "value": 34.5}
    client.post("/checkout", json=cart, headers={"Authorization": "Bearer let-me-in"})
    segment_events.assert_tracked(
        "Checkout Started",
        user_id="user-1",
        properties=cart,
    )
