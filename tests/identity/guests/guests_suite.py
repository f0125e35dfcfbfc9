"""
The suite of the guests' project.

Run by `tests/frameworks/test_django_guests.py` in a process of its own, for Django
takes one user model for the whole process.
"""

from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from segment_integrations import ConfigurationError, tracks
from segment_integrations.testing import BROWSER_HEADERS

VISITOR = "visitor-0001"
METHODS = {"get", "head", "post"}
ALLAUTH = {"email": "new@example.org", "password1": "a-long-password-1"}


class Caller:
    """Django's client under WSGI, or the async one under ASGI."""

    def __init__(self, kind, headers=None):
        self.client = Client() if kind == "wsgi" else AsyncClient()
        self.headers = headers or {}

    def __getattr__(self, name):
        found = getattr(self.client, name)
        return partial(self._send, found) if name in METHODS else found

    def _send(self, send, *args, headers=None, **options):
        options["headers"] = {**self.headers, **(headers or {})}
        if isinstance(self.client, Client):
            return send(*args, **options)

        # In Django 4.2 the methods of the async client are no coroutine functions.
        async def awaited():
            return await send(*args, **options)

        return async_to_sync(awaited)()


@pytest.fixture(params=["wsgi", "asgi"])
def kind(request):
    return request.param


@pytest.fixture
def browser(kind):
    """A browser in front of Django under each of the two interfaces."""
    made = Caller(kind, BROWSER_HEADERS)
    made.cookies["ajs_anonymous_id"] = VISITOR
    return made


@pytest.fixture
def caller(kind):
    """A program that calls an API."""
    return Caller(kind)


@pytest.fixture
def ada(db):
    return get_user_model().objects.create_user(
        "ada@example.org", "pw", full_name="Ada"
    )


@pytest.fixture
def bearer(ada):
    token = Token.objects.create(user=ada).key
    return {"headers": {"Authorization": f"Token {token}"}}


def labels(events):
    return [one.get("event") or one["type"] for one in events.messages]


def one_user(events):
    (found,) = {one.get("userId") for one in events.messages}
    return found


# -- class-based views ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "event", "properties"),
    [
        ("/shelf/7", "Shelf Viewed", {"number": 7}),
        ("/async-shelf/7", "Shelf Viewed", {"number": 7}),
        ("/dispatched", "Shelf Dispatched", {}),
    ],
)
def test_de_8_class_based_views(  # noqa: PLR0917 - fixtures
    browser, ada, segment_events, path, event, properties
):
    """DE-8: One event and one page, both of the user; HEAD gives neither."""
    browser.force_login(ada)
    browser.head(path)
    assert [] == segment_events.messages
    browser.get(path)
    assert [event, "page"] == labels(segment_events)
    assert str(ada.pk) == one_user(segment_events)
    assert properties == segment_events.tracks[0]["properties"]


def test_de_8_head_where_methods_has_it(browser, ada, settings, segment_events):
    """DE-8: Where `methods` says that HEAD counts, it does."""
    settings.SEGMENT = {"METHODS": ["GET", "HEAD"]}
    browser.force_login(ada)
    browser.head("/shelf/7")
    segment_events.assert_tracked("Shelf Viewed", count=1)


# -- Django REST framework -----------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "event", "properties"),
    [
        ("get", "/rest/orders/", "Orders Listed", {}),
        ("post", "/rest/orders/", "Order Created", {"currency": "EUR"}),
        ("post", "/rest/orders/7/pay/", "Order Paid", {"pk": "7"}),
        ("post", "/rest/orders/7/ship/", "Order Sent", {"pk": "7"}),
        ("get", "/function", "Function Called", {}),
        ("post", "/function", "Function Called", {}),
        ("get", "/function-below", "Function Called", {}),
    ],
)
def test_de_8_dj_2_rest_framework(  # noqa: PLR0917 - fixtures
    caller, ada, bearer, settings, segment_events, method, path, event, properties
):
    """DE-8, DJ-2: One event, of the user that the token names, no query of ours."""

    def called():
        with CaptureQueriesContext(connection) as queries:
            response = getattr(caller, method)(path, {"currency": "EUR"}, **bearer)
        assert response.status_code < 300
        return len(queries)

    settings.SEGMENT = {"ENABLED": False}
    without = called()
    settings.SEGMENT = {}
    assert without == called()
    assert [event] == labels(segment_events)
    assert str(ada.pk) == one_user(segment_events)
    assert properties == segment_events.tracks[0]["properties"]


def test_de_8_rest_framework_head_and_failures(caller, ada, bearer, segment_events):
    """DE-8: HEAD, a refused token and a response of an error send no event."""
    assert 200 == caller.head("/rest/orders/", **bearer).status_code
    assert 401 == caller.get("/rest/orders/").status_code
    assert 400 == caller.post("/rest/orders/", {"bad": "1"}, **bearer).status_code
    assert [] == segment_events.tracks


def test_rest_framework_s_own_pages(browser, ada, segment_events):
    """The page that the framework shows is a page view, of whom the framework knows."""
    browser.force_login(ada)
    browser.get("/function")
    event, page = segment_events.messages
    assert "Function Called" == event["event"]
    assert "/function" == page["properties"]["route"]
    # The session is Django's, but the framework was asked for a token: nobody is in.
    assert [None, None] == [event.get("userId"), page.get("userId")]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/rest/", "/rest/"),
        ("/rest/orders/", "/rest/orders/"),
        ("/rest/orders/7/", "/rest/orders/{pk}/"),
        ("/rest/orders/7/receipt/", "/rest/orders/{pk}/receipt/"),
        ("/rest/orders/7.api", "/rest/orders/{pk}.{format}/"),  # or without the slash
    ],
)
def test_rt_5_rest_framework_s_routers(  # noqa: PLR0917 - fixtures
    browser, caller, ada, bearer, segment_events, path, route
):
    """RT-5: The page of the browsable API has its router's route; JSON is no page."""
    assert 200 == browser.get(path, **bearer).status_code
    (page,) = segment_events.pages
    assert [route, route] == [page["name"], page["properties"]["route"]]
    assert (None if path == "/rest/" else str(ada.pk)) == page.get("userId")
    segment_events.clear()
    for made in (browser, caller):
        response = made.get(path.replace(".api", ".json") + "?format=json", **bearer)
        assert "application/json" == response["Content-Type"]
    assert [] == segment_events.pages


@pytest.mark.parametrize("path", ["/rest/own/", "/ninja/own"])
def test_dj_3_a_session_that_the_api_asks_for(browser, ada, segment_events, path):
    """DJ-3: `SessionAuthentication` and Ninja's `django_auth` know who is signed in."""
    assert browser.get(path).status_code in {401, 403}
    browser.force_login(ada)
    assert 200 == browser.get(path).status_code
    segment_events.assert_tracked("Own Seen", user_id=str(ada.pk), count=1)


# -- Django Ninja --------------------------------------------------------------------


def test_de_8_ninja(caller, ada, settings, segment_events):
    """DE-8: An operation whose annotations are texts is validated and tracked once."""
    token = Token.objects.create(user=ada).key
    cart = "00000000-0000-0000-0000-000000000007"
    path = f"/ninja/carts/{cart}"
    options = {
        "content_type": "application/json",
        "headers": {"Authorization": f"Bearer {token}"},
    }

    def called():
        with CaptureQueriesContext(connection) as queries:
            response = caller.post(f"{path}?limit=5", {"currency": "EUR"}, **options)
        assert {"limit": 5, "currency": "EUR"} == response.json()
        return len(queries)

    settings.SEGMENT = {"ENABLED": False}
    without = called()
    settings.SEGMENT = {}
    assert without == called()
    (event,) = segment_events.messages
    assert "Cart Put" == event["event"]
    assert str(ada.pk) == event["userId"]
    assert {"currency": "EUR", "cart_id": cart} == event["properties"]
    assert 422 == caller.post(path, {}, **options).status_code
    assert 401 == caller.post(path, {"currency": "EUR"}).status_code
    assert 1 == len(segment_events.messages)


def test_de_8_ninja_async_in_a_router(browser, ada, segment_events):
    """DE-8: An async operation of an included router is no different."""
    browser.force_login(ada)
    assert {"number": 7} == browser.get("/ninja/inner/things/7").json()
    assert ["Thing Seen"] == labels(segment_events)
    assert str(ada.pk) == one_user(segment_events)
    assert {"number": 7} == segment_events.tracks[0]["properties"]


def test_rt_5_ninja_s_routes(browser, ada, segment_events):
    """RT-5: A page of an operation in an included router has the whole route."""
    browser.force_login(ada)
    assert 200 == browser.get("/ninja/inner/pages/7").status_code
    (page,) = segment_events.messages
    assert "/ninja/inner/pages/{number}" == page["name"] == page["properties"]["route"]
    assert str(ada.pk) == page["userId"]
    browser.get("/ninja/inner/things/7")
    assert 1 == len(segment_events.pages)


def test_de_8_ninja_s_schema_is_that_of_the_function():
    """DE-8: OpenAPI describes the function's own parameters."""
    from guests_urls import api

    operation = api.get_openapi_schema()["paths"]["/ninja/carts/{cart_id}"]["post"]
    assert ["cart_id", "limit"] == [one["name"] for one in operation["parameters"]]
    assert "requestBody" in operation


def test_de_8_above_ninja_s_route_is_refused():
    """DE-8: Above the route decorator, where no request would reach it, it says so."""
    from ninja import NinjaAPI

    api = NinjaAPI(urls_namespace="wrong")
    with pytest.raises(ConfigurationError, match="above a route decorator of ninja"):

        @tracks("Thing Seen")
        @api.get("/thing")
        def thing(request):
            return {}


# -- custom user models and sign-ups -------------------------------------------------


@pytest.mark.parametrize("names", [[], ["email", "full_name", "no_such", "pk"]])
def test_dj_9_traits_by_name_only(browser, ada, settings, segment_events, names):
    """DJ-9: The key is the user's id; of the user only what was named is sent."""
    settings.SEGMENT = {"USER_TRAITS": names}
    data = {"login": "ada@example.org", "password": "pw"}
    assert 302 == browser.post("/accounts/login/", data).status_code
    (identify,) = segment_events.messages
    assert (str(ada.pk), VISITOR) == (identify["userId"], identify["anonymousId"])
    expected = {"email": "ada@example.org", "full_name": "Ada", "pk": str(ada.pk)}
    assert (expected if names else {}) == identify["traits"]
    if not names:
        assert "example.org" not in str(segment_events.messages)


def test_allauth_sign_up_sign_out_sign_in(browser, db, settings, segment_events):
    """One identify and one `Signed Up`; then a `Signed Out` and a `Signed In`."""
    settings.SEGMENT = {"AUTH_EVENTS": True, "USER_TRAITS": ["email"]}
    assert 302 == browser.post("/accounts/signup/", ALLAUTH).status_code
    member = get_user_model().objects.get()
    assert ["identify", "Signed Up"] == labels(segment_events)
    assert str(member.pk) == one_user(segment_events)
    assert {VISITOR} == {one["anonymousId"] for one in segment_events.messages}
    identify, signed_up = segment_events.messages
    assert {"email": "new@example.org"} == identify["traits"]
    assert {"email": "new@example.org"} == signed_up["properties"]
    browser.get("/")
    assert str(member.pk) == segment_events.pages[0]["userId"]

    segment_events.clear()
    assert 302 == browser.post("/accounts/logout/").status_code
    assert ["Signed Out"] == labels(segment_events)
    assert str(member.pk) == one_user(segment_events)
    browser.get("/")
    assert "userId" not in segment_events.pages[0]

    segment_events.clear()
    data = {"login": ALLAUTH["email"], "password": ALLAUTH["password1"]}
    assert 302 == browser.post("/accounts/login/", data).status_code
    assert ["identify", "Signed In"] == labels(segment_events)
    assert str(member.pk) == one_user(segment_events)


def test_allauth_that_awaits_a_mail(browser, db, settings, segment_events):
    """A sign-up that lets nobody in yet is identified and announced all the same."""
    settings.SEGMENT = {"AUTH_EVENTS": True}
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    browser.post("/accounts/signup/", ALLAUTH)
    assert ["identify", "Signed Up"] == labels(segment_events)
    browser.get("/")
    assert "userId" not in segment_events.pages[-1]


def test_without_the_setting_there_is_the_identify_alone(browser, db, segment_events):
    """By default nothing but identify calls is sent."""
    browser.post("/accounts/signup/", ALLAUTH)
    browser.post("/accounts/logout/")
    assert ["identify"] == labels(segment_events)


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("announces", [False, True])
def test_a_login_and_the_view_s_identify_are_one(  # noqa: PLR0917 - fixtures
    transactional_db, browser, settings, segment_events, atomic, announces
):
    """The view's traits are in the login's own identify, which precedes the rest."""
    settings.SEGMENT = {"USER_TRAITS": ["email"], "AUTH_EVENTS": announces}
    browser.get("/joins-atomically" if atomic else "/joins")
    events = ["Signed In"] if announces else []
    assert ["identify", *events, "Joined", "page"] == labels(segment_events)
    (identify,) = segment_events.identifies
    assert {"email": "own@example.org", "plan": "pro"} == identify["traits"]
    assert VISITOR == identify["anonymousId"]
    assert identify["userId"] == one_user(segment_events)


def test_a_sign_up_that_was_rolled_back_is_none(
    transactional_db, browser, settings, segment_events
):
    """DE-7: Neither the identify nor an event of a user who never was is sent."""
    settings.SEGMENT = {"AUTH_EVENTS": True}
    browser.get("/joins-in-vain")
    assert [] == segment_events.identifies
    assert [] == segment_events.tracks
