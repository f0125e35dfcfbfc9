"""`page_name` and `no_page` on every kind of view of every framework."""

import asyncio
import functools

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path as url
from django.utils.decorators import method_decorator
from django.views import View
from fastapi import APIRouter, FastAPI
from flask import Flask
from flask.views import MethodView
from litestar import Controller, Litestar, MediaType
from litestar import get as litestar_get
from quart import Quart
from quart.views import MethodView as QuartMethodView
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import HTMLResponse
from starlette.routing import Route

from segment_integrations import (
    Analytics,
    aiohttp,
    flask,
    litestar,
    no_page,
    page_name,
    tracks,
)
from segment_integrations import fastapi as ours_fastapi
from segment_integrations import quart as ours_quart
from segment_integrations import starlette as ours_starlette
from segment_integrations.testing import BROWSER_HEADERS, capture

HEADERS = {**BROWSER_HEADERS, "Cookie": "ajs_anonymous_id=visitor-0001"}
HTML = "<p>hello"
NAMED = {"/above": "Named", "/below": "Named", "/class": "Named", "/method": "Named"}
"""Path and name: the mark above and below a decorator, on a class and its method."""
EXPECTED = {**NAMED, "/async": "Named", "/hidden": None, "/hidden-method": None}


def plain(view):
    """A decorator as applications have them."""

    @functools.wraps(view)
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)

    return wrapper


def views(answer, base):
    """The views of one framework, by path; *answer* makes a page."""

    @page_name("Named")
    @plain
    @tracks("Above")
    def above(*_, **__):
        return answer()

    @plain
    @tracks("Below")
    @page_name("Named")
    def below(*_, **__):
        return answer()

    @page_name("Named")
    async def of_loop(*_, **__):
        return answer()

    @no_page
    def hidden(*_, **__):
        return answer()

    @page_name("Named")
    class Whole(base):
        async def get(self, *_, **__):
            return answer()

    class Part(base):
        @page_name("Named")
        async def get(self, *_, **__):
            return answer()

    @page_name("Overruled")
    class Hidden(base):
        @no_page
        async def get(self, *_, **__):
            return answer()

    return {
        "/above": above,
        "/below": below,
        "/async": of_loop,
        "/hidden": hidden,
        "/class": Whole,
        "/method": Part,
        "/hidden-method": Hidden,
    }


async def over_asgi(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for path in EXPECTED:
            assert (await client.get(path, headers=HEADERS)).status_code == 200, path


def starlette_app(analytics):
    found = views(lambda: HTMLResponse(HTML), HTTPEndpoint)
    app = Starlette(routes=[Route(path, view) for path, view in found.items()])
    app.add_middleware(ours_starlette.SegmentMiddleware, analytics=analytics)
    return app


def with_starlette(analytics):
    asyncio.run(over_asgi(starlette_app(analytics)))


def with_fastapi(analytics):
    router = APIRouter()

    def add(path, mark, *, is_async=False):
        if is_async:

            async def view():
                return HTMLResponse(HTML)

        else:

            def view():
                return HTMLResponse(HTML)

        # The route decorators keep the function, so a mark above them holds as well.
        if path == "/below":
            router.get(path)(plain(mark(view)))
        else:
            mark(router.get(path)(view))

    for path, name in EXPECTED.items():
        add(path, page_name(name) if name else no_page, is_async=path == "/async")
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(ours_fastapi.SegmentMiddleware, analytics=analytics)
    asyncio.run(over_asgi(app))


def with_flask(analytics):
    app = Flask("marked")
    for path, view in views(lambda: HTML, MethodView).items():
        name = path.strip("/")
        is_class = isinstance(view, type)
        app.add_url_rule(path, name, view.as_view(name) if is_class else view)
    flask.Segment(app, analytics=analytics)
    client = app.test_client(use_cookies=False)
    for path in EXPECTED:
        assert client.get(path, headers=HEADERS).status_code == 200, path


def with_quart(analytics):
    app = Quart("marked")
    for path, view in views(lambda: HTML, QuartMethodView).items():
        name = path.strip("/")
        is_class = isinstance(view, type)
        app.add_url_rule(path, name, view.as_view(name) if is_class else view)
    app.asgi_app = ours_quart.SegmentMiddleware(app.asgi_app, analytics)
    asyncio.run(over_asgi(app))


def with_aiohttp(analytics):
    def answer():
        return web.Response(text=HTML, content_type="text/html")

    async def run():
        app = web.Application()
        for path, view in views(answer, web.View).items():
            app.router.add_route("GET", path, aiohttp_view(view))
        aiohttp.setup(app, analytics)
        async with AiohttpClient(TestServer(app)) as client:
            for path in EXPECTED:
                assert (await client.get(path, headers=HEADERS)).status == 200, path

    asyncio.run(run())


def aiohttp_view(view):
    """aiohttp has no sync views: those of the list are given one around them."""
    if isinstance(view, type) or asyncio.iscoroutinefunction(view):
        return view

    @functools.wraps(view)
    async def served(request):
        return view(request)

    return served


def with_litestar(analytics):
    marks = {
        path: page_name(name) if name else no_page for path, name in EXPECTED.items()
    }

    def handler(path, mark):
        @litestar_get(path, media_type=MediaType.HTML, sync_to_thread=False)
        @mark
        def view() -> str:
            return HTML

        return view

    class Marked(Controller):
        @litestar_get("/method", media_type=MediaType.HTML)
        @page_name("Named")
        async def method(self) -> str:
            return HTML

        @litestar_get("/hidden-method", media_type=MediaType.HTML)
        @no_page
        async def hidden(self) -> str:
            return HTML

    @litestar_get("/async", media_type=MediaType.HTML)
    @page_name("Named")
    async def of_loop() -> str:
        return HTML

    single = ("/above", "/below", "/class", "/hidden")
    app = Litestar(
        [Marked, of_loop, *[handler(path, marks[path]) for path in single]],
        plugins=[litestar.SegmentPlugin(analytics)],
    )
    asyncio.run(over_asgi(app))


RUNS = [
    with_starlette,
    with_fastapi,
    with_flask,
    with_quart,
    with_aiohttp,
    with_litestar,
]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_marks_hold(run):
    """Each kind of view has its name, and the hidden ones have no page."""
    with capture() as events, Analytics("key") as analytics:
        run(analytics)
        named = {one["properties"]["path"]: one["name"] for one in events.pages}
        assert {path: name for path, name in EXPECTED.items() if name} == named
        assert 2 == analytics.stats().pages["excluded_view"]


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_marks_hold_in_django(segment_events, kind):
    """The same in Django, also by way of `method_decorator`."""
    found = views(lambda: HttpResponse(HTML), View)
    decorated = method_decorator(plain, name="get")(
        type("Decorated", (found["/method"],), {})
    )
    found["/decorated"] = decorated
    patterns = tuple(
        url(path[1:], view.as_view() if isinstance(view, type) else view)
        for path, view in found.items()
    )
    with override_settings(ROOT_URLCONF=patterns):
        for path in found:
            if kind == "wsgi":
                response = Client().get(path, headers=HEADERS)
            else:
                headers = {**BROWSER_HEADERS}
                client = AsyncClient()
                client.cookies["ajs_anonymous_id"] = "visitor-0001"
                response = asyncio.run(client.get(path, headers=headers))
            assert response.status_code == 200, path
    named = {one["properties"]["path"]: one["name"] for one in segment_events.pages}
    expected = {path: name for path, name in EXPECTED.items() if name}
    assert {**expected, "/decorated": "Named"} == named
