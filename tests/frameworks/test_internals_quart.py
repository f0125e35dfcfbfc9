"""RULE-5: what we read of Quart's and Quart-Auth's internals is there, or absent."""

import logging
from types import SimpleNamespace

import pytest
import quart.globals
from asgi_visits import visit
from quart import Quart, g
from quart.signals import request_started
from quart.views import MethodView
from quart_auth import AuthUser, QuartAuth, login_user
from test_internals import Strange
from test_internals_read import checked

from segment_integrations import track
from segment_integrations.quart import SegmentMiddleware


@pytest.fixture(scope="module", name="of_quart")
def _of_quart():
    """Quart's context of a request as it begins, and as its view runs."""
    found = SimpleNamespace()
    app = found.app = Quart("shop")
    app.secret_key = "a" * 32
    found.auth = QuartAuth(app)
    names = found.names = vars(quart.globals)

    async def started(sender, **_):
        # Since Quart 0.23 there is one context variable, and its names are its own.
        running = names.get("_cv_request", names["_cv_app"]).get()
        state = vars(running)
        found.request = state.get("request_websocket") or running._request_websocket
        found.scope = found.request.scope
        found.url_adapter = running.url_adapter
        found.session = state.get("_session", state.get("session"))
        found.sender = sender

    class Item(MethodView):
        async def get(self, item):
            login_user(AuthUser("u-7"))
            found.g = dict(vars(names["_cv_app"].get().g))
            return "<p>Hello"

    found.view = Item
    app.add_url_rule("/items/<int:item>", view_func=Item.as_view("item"))
    with request_started.connected_to(started):
        visit(app, "/items/7")
    found.rule = found.request.url_rule
    return found


READ = {
    "_cv_websocket": lambda it: (
        it.names.get("_cv_websocket", it.names["_cv_app"]).get(None) is None
    ),
    "request_started": lambda it: it.sender is it.app,
    "request_websocket.scope": lambda it: it.scope["path"] == "/items/7",
    "request.url_rule": lambda it: it.rule.rule == "/items/<int:item>",
    "request.view_args": lambda it: it.request.view_args == {"item": 7},
    "app.view_functions": lambda it: (
        it.app.view_functions[it.rule.endpoint].view_class is it.view
    ),
    "url_adapter.match": lambda it: (
        it.url_adapter.match(
            "/items/8", method="GET", return_rule=True, websocket=False
        )
        == (it.rule, {"item": 8})
    ),
    "session.accessed": lambda it: it.session.accessed is False,
    "session.modified": lambda it: it.session.modified is False,
    "get_cookie_name": lambda it: (
        it.app.session_interface.get_cookie_name(it.app) == "session"
    ),
    'extensions["QUART_AUTH"]': lambda it: [it.auth] == it.app.extensions["QUART_AUTH"],
    "attribute_name, auth_id": lambda it: it.g[it.auth.attribute_name].auth_id == "u-7",
    "load_user": lambda it: callable(it.auth.load_user),
}


@checked(READ)
def test_rule_5_quart_has_what_is_read(of_quart, holds):
    """RULE-5: what names the route, the session and the user of a request."""
    assert holds(of_quart)


@pytest.mark.parametrize("name", ["_quart_auth_user", "extensions", "view_functions"])
@pytest.mark.parametrize("make", [str, dict, Strange])
def test_rule_5_quart_with_other_internals(analytics, recorder, caplog, name, make):
    """RULE-5: what is no longer what it was costs no page, and nobody is signed in."""
    app = Quart("shop")
    app.secret_key = "a" * 32
    QuartAuth(app)

    @app.get("/items/<item>")
    async def view(item):
        if name == "_quart_auth_user":
            setattr(g, name, make())
        elif name == "extensions":
            app.extensions["QUART_AUTH"] = [make()]
        else:
            app.view_functions = make()
        track("Seen")
        return "<p>Hello"

    @app.after_request
    async def restore(response):
        app.extensions.pop("QUART_AUTH", None)  # its own end would fail on them
        g.pop("_quart_auth_user", None)
        return response

    app.asgi_app = SegmentMiddleware(app.asgi_app, analytics)
    with caplog.at_level(logging.CRITICAL):
        sent = visit(app, "/items/7")

    assert 200 == sent[0]["status"]
    assert ["Seen", "page"] == recorder.names()
    assert [None, None] == recorder.users()
    assert recorder.pages[0]["properties"].get("route") in {None, "/items/{item}"}
