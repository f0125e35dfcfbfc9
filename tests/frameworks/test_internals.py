"""RT-6 and RULE-5: what is read of a framework's internals may be absent or strange."""

import asyncio
import logging

import flask
import flask_login
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer
from asgi_visits import visit
from django.http import HttpResponse
from django.test import RequestFactory
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse as FastAPIResponse
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from segment_integrations import aiohttp, fastapi, starlette, track
from segment_integrations.django.middleware import SegmentMiddleware
from segment_integrations.flask import Segment
from segment_integrations.testing import BROWSER_HEADERS


class Strange:
    """Has every attribute that is asked for, and none can be read."""

    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("path", "template"),
    [("/items/7", "/items/{item_id}"), ("/m/1/n/2", "/m/{a}/n/{b}"), ("/no", None)],
)
def test_rt_6_starlette_whose_router_names_no_route(
    analytics, recorder, path, template
):
    """RT-6: as before Starlette 1.4, where only matching tells the template."""

    async def endpoint(request):
        request.scope.pop("route", None)
        return HTMLResponse("<p>Hello")

    routes = [
        Route("/items/{item_id:int}", endpoint),
        Mount("/m/{a}", routes=[Route("/n/{b}", endpoint)]),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(starlette.SegmentMiddleware, analytics=analytics)
    visit(app, path)

    found = [one["properties"]["route"] for one in recorder.pages]
    assert ([template] if template else []) == found


@pytest.mark.parametrize("make", [str, dict, Strange])
@pytest.mark.parametrize(
    "name",
    ["route", "endpoint", "path_params", "session", "user", "app", "app_root_path"],
)
def test_rule_5_starlette_with_another_scope(analytics, recorder, caplog, name, make):
    """RULE-5: an entry of the scope that is no longer what it was costs no page."""

    def endpoint(request):
        request.scope[name] = make()
        track("Seen")
        return HTMLResponse("<p>Hello")

    app = Starlette(routes=[Mount("/m/{a}", routes=[Route("/n/{b}", endpoint)])])
    app.add_middleware(starlette.SegmentMiddleware, analytics=analytics)
    with caplog.at_level(logging.CRITICAL):
        messages = visit(app, "/m/1/n/2")

    assert 200 == messages[0]["status"]
    assert ["Seen", "page"] == recorder.names()
    assert [None, None] == recorder.users()
    assert recorder.pages[0]["properties"].get("route") in {None, "/m/{a}/n/{b}"}


@pytest.mark.parametrize("has_strange_route", [True, False])
@pytest.mark.parametrize("make", [str, dict, Strange])
def test_rule_5_fastapi_with_another_scope(
    analytics, recorder, caplog, make, has_strange_route
):
    """RULE-5: entries of the scope that are no longer what they were cost no page."""
    router = APIRouter()

    @router.get("/items/{item_id}")
    def endpoint(item_id: int, request: Request) -> FastAPIResponse:
        request.scope["fastapi"] = {"effective_route_context": make()}
        if has_strange_route:
            request.scope["route"] = make()
        track("Seen")
        return FastAPIResponse("<p>Hello")

    app = FastAPI()
    app.include_router(router)
    app.add_middleware(fastapi.SegmentMiddleware, analytics=analytics)
    with caplog.at_level(logging.CRITICAL):
        messages = visit(app, "/items/7")

    assert 200 == messages[0]["status"]
    assert ["Seen"] == [one["event"] for one in recorder.tracks]
    (page,) = recorder.pages
    assert page["properties"].get("route") in {None, "/items/{item_id}"}


@pytest.mark.parametrize("name", ["resolver_match", "session", "user", "urlconf"])
@pytest.mark.parametrize("make", [str, object, Strange])
def test_rule_5_django_with_another_request(segment_events, caplog, name, make):
    """RULE-5: attributes of the request that are not what they were cost no page."""

    def view(request):
        setattr(request, name, make())
        track("Seen")
        return HttpResponse("<p>Hello", content_type="text/html")

    headers = {**BROWSER_HEADERS, "Cookie": "sessionid=x; ajs_anonymous_id=visitor-1"}
    request = RequestFactory().get("/plain", headers=headers)
    with caplog.at_level(logging.CRITICAL):
        response = SegmentMiddleware(view)(request)

    assert 200 == response.status_code
    assert ["Seen"] == [one["event"] for one in segment_events.tracks]
    (page,) = segment_events.pages
    assert "visitor-1" == page["anonymousId"]
    assert "userId" not in page


@pytest.mark.parametrize("login", ["flask_login", "no flask_login"])
@pytest.mark.parametrize("make", [str, object, Strange])
def test_rule_5_flask_with_another_user(analytics, recorder, caplog, make, login):
    """RULE-5: what Flask-Login leaves may be anything: nobody is signed in."""
    app = flask.Flask("shop")
    app.secret_key = "secret"
    if login == "flask_login":
        flask_login.LoginManager(app)

    @app.get("/items/<item>")
    def view(item):
        flask.g._login_user = make()
        track("Seen")
        return "<p>Hello"

    Segment(app, analytics)
    client = app.test_client()
    client.set_cookie("ajs_anonymous_id", "visitor-1")
    with caplog.at_level(logging.CRITICAL):
        assert 200 == client.get("/items/7", headers=BROWSER_HEADERS).status_code
    assert ["Seen", "page"] == recorder.names()
    assert [None, None] == recorder.users()
    assert "/items/{item}" == recorder.pages[0]["name"]


@pytest.mark.parametrize("name", ["user", "aiohttp_session"])
@pytest.mark.parametrize("make", [str, object, Strange])
def test_rule_5_aiohttp_with_another_user(analytics, recorder, caplog, name, make):
    """RULE-5: what is kept in the request may be anything: nobody is signed in."""

    async def handler(request):
        request[name] = make()
        track("Seen")
        return web.Response(text="<p>Hello", content_type="text/html")

    async def run():
        app = web.Application()
        app.router.add_get("/items/{item}", handler)
        aiohttp.setup(app, analytics)
        headers = {**BROWSER_HEADERS, "Cookie": "ajs_anonymous_id=visitor-1"}
        async with AiohttpClient(TestServer(app)) as client:
            return (await client.get("/items/7", headers=headers)).status

    with caplog.at_level(logging.CRITICAL):
        assert 200 == asyncio.run(run())
    assert ["Seen", "page"] == recorder.names()
    assert [None, None] == recorder.users()
    assert "/items/{item}" == recorder.pages[0]["name"]
