"""Who is signed in and who signs in, by the real parts of Flask, Starlette, FastAPI."""

from __future__ import annotations

from typing import Annotated

import flask
import flask_login
import jwt
import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
)
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.responses import HTMLResponse as StarletteHTML
from starlette.routing import Route

from segment_integrations import Analytics, identify, set_user, track
from segment_integrations.auth import signed_in, signed_out, signed_up
from segment_integrations.fastapi import SegmentMiddleware as FastAPIMiddleware
from segment_integrations.flask import Segment
from segment_integrations.starlette import SegmentMiddleware as StarletteMiddleware
from segment_integrations.testing import BROWSER_HEADERS, capture

VISITOR = "visitor-0001"
HEADERS = {**BROWSER_HEADERS, "Cookie": f"ajs_anonymous_id={VISITOR}"}
SECRET = "a-secret-of-at-least-32-characters"


@pytest.fixture
def events():
    with capture() as captured:
        yield captured


@pytest.fixture
def opened(request):
    def make(**settings):
        made = Analytics("key", strict=False, **settings)
        request.addfinalizer(made.close)
        return made

    return make


def labels(events):
    return [one.get("event") or one["type"] for one in events.messages]


def users(events):
    return [one.get("userId") for one in events.messages]


# -- flask-login ---------------------------------------------------------------------


class Member(flask_login.UserMixin):
    def __init__(self, number):
        self.id = number
        self.email = f"{number}@example.org"
        self.username = f"user-{number}"
        self.orders = object()


def members(analytics):
    app = flask.Flask("members", static_folder=None)
    app.secret_key = "secret"
    flask_login.LoginManager(app).user_loader(Member)

    @app.get("/in/<number>")
    def enter(number):
        flask_login.login_user(Member(number))
        return "<p>"

    @app.get("/up/<number>")
    def join(number):
        flask_login.login_user(Member(number))
        identify(traits={"plan": "pro"})
        signed_up(number, properties={"type": "invited"})
        track("After")
        return "<p>"

    @app.get("/breaks/<number>")
    def breaks(number):
        flask_login.login_user(Member(number))
        raise ZeroDivisionError

    @app.get("/out")
    def leave():
        flask_login.logout_user()
        signed_out()
        track("After")
        return "<p>"

    Segment(app, analytics)
    return app.test_client(use_cookies=True)


def visit(client, path):
    client.set_cookie("ajs_anonymous_id", VISITOR)
    return client.get(path, headers=BROWSER_HEADERS)


def test_flask_login_is_identified_and_announced_once(events, opened):
    """A login, a logout: each one event, of the user, with the visitor joined."""
    client = members(opened(auth_events=True, user_traits=["email", "username"]))
    visit(client, "/in/7")
    assert ["identify", "Signed In", "page"] == labels(events)
    assert {VISITOR} == {one["anonymousId"] for one in events.messages}
    assert {"email": "7@example.org", "username": "user-7"} == (
        events.identifies[0]["traits"]
    )
    assert {"username": "user-7"} == events.tracks[0]["properties"]
    events.clear()
    visit(client, "/out")
    assert ["Signed Out", "After", "page"] == labels(events)
    assert ["7", None, None] == users(events)


def test_flask_login_by_default(events, opened):
    """By default a login is an identify without traits, and a logout sends nothing."""
    client = members(opened())
    visit(client, "/in/7")
    assert ["identify", "page"] == labels(events)
    assert {} == events.identifies[0]["traits"]
    events.clear()
    visit(client, "/out")
    assert ["After", "page"] == labels(events)


def test_flask_sign_up_is_one_identify(events, opened):
    """The view's traits and the login's own are one identify, before all the rest."""
    client = members(opened(auth_events=True, user_traits=["email"]))
    visit(client, "/up/7")
    assert ["identify", "Signed Up", "After", "page"] == labels(events)
    assert {"email": "7@example.org", "plan": "pro"} == events.identifies[0]["traits"]
    assert {"type": "invited"} == events.tracks[0]["properties"]
    assert ["7"] * 4 == users(events)


def test_flask_login_before_an_error_is_sent(events, opened):
    """The login has happened, whatever the view does then."""
    client = members(opened(auth_events=True))
    client.application.testing = True
    with pytest.raises(ZeroDivisionError):
        visit(client, "/breaks/7")
    assert ["identify", "Signed In"] == labels(events)


def test_a_trait_that_is_no_data_costs_only_itself(events, opened, caplog):
    """What JSON has no form for is left out, with one line in the log."""
    client = members(opened(user_traits=["orders", "email", "no_such"]))
    visit(client, "/in/7")
    assert {"email": "7@example.org"} == events.identifies[0]["traits"]
    (line,) = [one for one in caplog.messages if "user_traits" in one]
    assert "example.org" not in line


# -- Starlette -----------------------------------------------------------------------


class Number(BaseUser):
    is_authenticated = True

    def __init__(self, number):
        self.number = number

    @property
    def display_name(self):
        return "Ada"

    @property
    def identity(self):
        return self.number


class Backend(AuthenticationBackend):
    def __init__(self, user):
        self.user = user

    async def authenticate(self, conn):
        if "Authorization" not in conn.headers:
            return None
        return AuthCredentials(["authenticated"]), self.user


@pytest.mark.parametrize(
    ("user", "expected"), [(Number("n-7"), "n-7"), (SimpleUser("ada"), "ada")]
)
def test_starlette_s_authentication_middleware(events, opened, user, expected):
    """The user that the middleware found is the events'; without one there is none."""

    def home(request):
        track("Seen")
        return StarletteHTML("<p>")

    app = Starlette(routes=[Route("/", home)])
    app.add_middleware(AuthenticationMiddleware, backend=Backend(user))
    app.add_middleware(StarletteMiddleware, analytics=opened())
    with TestClient(app, headers=HEADERS) as client:
        client.get("/", headers={"Authorization": "yes"})
        client.get("/")
    assert ["Seen", "page"] * 2 == labels(events)
    assert [expected, expected, None, None] == users(events)


# -- FastAPI -------------------------------------------------------------------------

bearer = HTTPBearer()


def current_user(
    given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> str:
    """The user that the token names."""
    try:
        claims = jwt.decode(given.credentials, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    set_user(claims["sub"])  # the one line
    return str(claims["sub"])


async def acurrent_user(
    given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> str:
    """The same, on the event loop."""
    return current_user(given)


@pytest.mark.parametrize("dependency", [current_user, acurrent_user])
def test_ctx_1_fastapi_with_a_jwt(events, opened, dependency):
    """CTX-1: One line in the dependency, and events and page call know the user."""
    app = FastAPI()

    @app.get("/me", response_class=HTMLResponse)
    def me(user: str = Depends(dependency)) -> str:  # noqa: FAST002 - a local name
        track("Seen")
        return f"<p>{user}"

    app.add_middleware(FastAPIMiddleware, analytics=opened())

    def asked(client, secret):
        token = jwt.encode({"sub": "u-7"}, secret, algorithm="HS256")
        return client.get("/me", headers={"Authorization": f"Bearer {token}"})

    with TestClient(app, headers=HEADERS) as client:
        assert 200 == asked(client, SECRET).status_code
        assert 401 == asked(client, "b" * 32).status_code
    assert ["Seen", "page"] == labels(events)
    assert ["u-7", "u-7"] == users(events)
    assert {VISITOR} == {one["anonymousId"] for one in events.messages}


def test_fastapi_signs_up_and_out(events, opened):
    """The functions of `segment_integrations.auth`, in sync and async endpoints."""
    app = FastAPI()

    @app.get("/up")
    def up() -> str:
        signed_up("u-7", {"plan": "pro"})
        return ""

    @app.get("/in")
    async def enter() -> str:
        signed_in("u-7", {"plan": "pro"})
        return ""

    @app.get("/out")
    async def leave() -> str:
        set_user("u-7")
        signed_out()
        return ""

    app.add_middleware(FastAPIMiddleware, analytics=opened(auth_events=True))
    with TestClient(app, headers=HEADERS) as client:
        for path in ("/up", "/in", "/out"):
            assert 200 == client.get(path).status_code
    assert ["identify", "Signed Up", "Signed In", "Signed Out"] == labels(events)
    assert {"u-7"} == set(users(events))


def test_outside_a_request(events, opened):
    """A job may sign somebody up; who signs out there is nobody."""
    opened(auth_events=True)
    signed_up("u-7")
    signed_out()
    assert ["identify", "Signed Up"] == labels(events)
