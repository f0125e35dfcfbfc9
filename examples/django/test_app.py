"""How the app's analytics are tested: ``pytest --ds settings``, without network."""

import pytest

pytestmark = pytest.mark.django_db

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/143.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
}


@pytest.fixture
def user(django_user_model):
    return django_user_model.objects.create_user("ada", password="correct horse")


def test_a_visitor_sees_a_page(client, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    segment_events.assert_page("/products/{slug}", path="/products/teapot")


def test_a_visitor_signs_in(client, user, segment_events):
    client.get("/products/teapot", headers=BROWSER)
    client.post("/signin", {"username": "ada", "password": "correct horse"})
    visitor = segment_events.pages[0]["anonymousId"]
    segment_events.assert_identified(str(user.pk), anonymous_id=visitor)


def test_a_user_checks_out(client, user, segment_events):
    client.force_login(user)
    client.post("/checkout", {"currency": "EUR"})
    segment_events.assert_tracked(
        "Checkout Started", user_id=str(user.pk), properties={"currency": "EUR"}
    )
