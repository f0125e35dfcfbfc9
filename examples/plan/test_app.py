"""How it is tested: ``pytest --segment-plan plan.json`` also tells what never fired."""

import pytest
from app import app
from fastapi.testclient import TestClient

LINES = [{"product_id": "teapot", "price": 12.5, "quantity": 2}]


@pytest.fixture
def client():
    headers = {"Cookie": "ajs_anonymous_id=visitor-1"}
    with TestClient(app, headers=headers) as client:
        yield client


def test_a_visitor_searches(client, segment_events):
    client.get("/search", params={"query": "teapot"})
    segment_events.assert_tracked(
        "Search Performed", properties={"query": "teapot", "resultCount": 0}
    )


def test_a_visitor_signs_up(client, segment_events):
    account = {"email": "ada@example.com", "method": "github", "company": "Analytical"}
    client.post("/signup", json=account)
    segment_events.assert_identified(
        "user-1", traits={"company": {"name": "Analytical"}}
    )
    segment_events.assert_tracked("Signed Up", properties={"method": "github"})


def test_a_user_buys(client, segment_events):
    order = {"currency": "EUR", "lines": LINES}
    client.post("/checkout", json=order)
    client.post("/orders", json=order)
    segment_events.assert_tracked(
        "Checkout Started", properties={"cartValue": 25.0, "itemCount": 2}
    )
    segment_events.assert_tracked(
        "Order Completed",
        properties={
            "products": [{"productId": "teapot", "price": 12.5, "quantity": 2}]
        },
    )
