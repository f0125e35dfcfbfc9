"""What the three shops do alike, beyond the path of the scripted visit."""

from __future__ import annotations

import pytest

from segment_integrations.demo import users
from segment_integrations.demo.pages import Frame, account, signup
from segment_integrations.demo.shop import PRODUCTS, Order, added
from segment_integrations.demo.visit import Browser, VisitFailed

SHOP = "segment_integrations.demo"
GUNICORN = ["gunicorn", "--bind", "127.0.0.1:{port}"]
GUNICORN += ["--config", f"python:{SHOP}.gunicorn_conf"]
SERVERS = {
    "fastapi": ["uvicorn", "--port", "{port}", f"{SHOP}.fastapi_shop:app"],
    "flask": [*GUNICORN, f"{SHOP}.flask_shop:app"],
    "django": [*GUNICORN, f"{SHOP}.django_shop.wsgi:application"],
}
ADA = {"username": "ada", "password": "correct horse"}


@pytest.mark.parametrize("framework", SERVERS)
def test_a_user_leaves_and_comes_back(framework, serve, collector):
    """Wrong forms change nobody's identity; signing in again brings back the user."""
    server = serve(*SERVERS[framework])
    browser = Browser(server.url)
    browser.open("/signup")
    browser.submit("/signup", name=" ", expect=400, **ADA)
    browser.submit("/signup", name="Ada <3", **ADA)
    browser.submit("/signout")
    browser.open("/account")
    browser.submit("/signin", expect=400, username="ada", password="wrong")
    browser.submit("/signin", expect=400, username="bob", password="wrong")
    browser.submit("/signin", **ADA)
    browser.open("/cart")
    browser.submit("/signout")
    browser.open("/signup")
    browser.submit("/signup", name="Other", expect=400, **ADA)
    browser.open("/products/no-such", expect=404)
    browser.close()
    server.process.terminate()
    server.ended()
    messages = collector.messages()
    calls = [
        (message.get("event") or message["type"], message.get("userId"))
        for message in messages
        if message["type"] != "page"
    ]
    (user_id,) = {user for _, user in calls}
    assert calls == [
        ("identify", user_id),
        ("Signed Up", user_id),
        ("Signed Out", user_id),
        ("identify", user_id),
        ("Signed In", user_id),
        ("Signed Out", user_id),
    ]
    pages = [
        (message["name"], message.get("userId"))
        for message in messages
        if message["type"] == "page"
    ]
    assert pages == [
        ("/signup", None),
        ("/account", user_id),
        ("/", None),
        ("/signin", None),
        ("/account", user_id),
        ("/cart", user_id),
        ("/", None),
        ("/signup", None),
    ]


def test_an_order_counts_what_is_in_the_cart():
    """Its value is the sum of its lines, and unknown products are left out."""
    cart = added(added(added({}, "teapot"), "teapot"), "honey-jar")
    order = Order(cart | {"gone": 3})
    assert order.value == 78.9
    assert order.products == [
        PRODUCTS["teapot"].properties(2),
        PRODUCTS["honey-jar"].properties(),
    ]


def test_what_users_typed_is_escaped():
    """Names and usernames never become markup."""
    page = account(Frame(name="<b>Ada", token='"x'), "<i>ada")
    page += signup(Frame(), "<u>", name='"><script>', username="'")
    for typed in ("<b>Ada", '"x', "<i>ada", "<u>", "<script>"):
        assert f"{typed}" not in page.replace('value="x', "")


def test_users_are_kept_with_a_salted_hash(tmp_path, monkeypatch):
    """The file has no password; the right one, and only that, gives the user back."""
    monkeypatch.setenv("SHOP_DATABASE", str(tmp_path / "shop.sqlite3"))
    ada = users.create("ada", "Ada", "correct horse")
    assert users.create("ada", "Ada", "other") is None
    assert users.authenticate("ada", "correct horse") == ada
    assert users.authenticate("ada", "other") is None
    assert users.authenticate("bob", "correct horse") is None
    assert users.by_id(ada.id) == ada
    assert users.by_id(None) is None
    assert users.by_id("99") is None
    assert b"correct horse" not in users.database().read_bytes()
    assert users.secret() == users.secret()
    assert set(ada.traits) == {"name", "createdAt"}


def test_a_visit_stops_at_the_first_wrong_answer(collector):
    """A site that is no shop is told in a line that names the request."""
    browser = Browser(collector.url)
    with pytest.raises(VisitFailed, match="GET /no/such ended with 404"):
        browser.open("/no/such")
    with pytest.raises(VisitFailed, match="GET /nothing answered 404"):
        browser.load("/nothing", "style")
    browser.open("/health")
    with pytest.raises(VisitFailed, match="/health has no form for /signup"):
        browser.submit("/signup")
    browser.close()


def test_a_visit_tells_that_nobody_answers():
    """A refused connection is a failed visit, not a traceback."""
    browser = Browser("http://127.0.0.1:1")
    with pytest.raises(VisitFailed, match="GET / got no answer"):
        browser.open("/")
    browser.close()
