"""
RULE-5: what we read of the internals of frameworks is there, and what we take it for.

Each test is named by what it reads, so that a release which changes it fails the test
that says so; what our code does without it is in `test_internals.py`. Quart's and
Litestar's are in files of their own, for they are not beside the oldest of the others.
"""

import asyncio
from types import SimpleNamespace

import flask
import flask_login
import pytest
import starlette
from aiohttp import web
from aiohttp.payload import AsyncIterablePayload
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer
from asgi_visits import visit
from fastapi import APIRouter, FastAPI, Request
from fastapi import __version__ as fastapi_version
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Host, Match, Mount, Route
from starlette.staticfiles import StaticFiles


def number(version):
    return tuple(int(part) for part in version.split(".")[:2])


def checked(table):
    """The rows of a *table* of what is read, as a test's parameters."""
    return pytest.mark.parametrize("holds", table.values(), ids=table)


# -- Starlette ------------------------------------------------------------------------


@pytest.fixture(scope="module", name="of_starlette")
def _of_starlette():
    """The scope of a request below a mount, and the routes that it has gone through."""
    found = SimpleNamespace()

    def endpoint(request):
        found.scope = dict(request.scope)
        return HTMLResponse("<p>Hello")

    found.leaf = Route("/n/{b:int}", endpoint, name="leaf")
    found.below = Starlette(routes=[found.leaf])
    found.mount = Mount("/m/{a}", app=found.below)
    found.host = Host("{team}.example", app=found.below)
    found.app = Starlette(routes=[found.mount, found.host])
    found.app.add_middleware(SessionMiddleware, secret_key="a" * 32)
    visit(found.app, "/m/1/n/2")
    found.endpoint = endpoint
    return found


def matched(found):
    """What a mount says of a scope that it takes."""
    scope = {"type": "http", "method": "GET", "path": "/m/1/n/2", "root_path": ""}
    return found.mount.matches(scope)


STARLETTE = {
    'scope["app"]': lambda it: it.scope["app"] is it.below,
    'scope["endpoint"]': lambda it: it.scope["endpoint"] is it.endpoint,
    'scope["path_params"]': lambda it: it.scope["path_params"] == {"a": "1", "b": 2},
    'scope["root_path"]': lambda it: it.scope["root_path"] == "/m/1",
    'scope["app_root_path"]': lambda it: it.scope["app_root_path"] == "",
    'scope["router"]': lambda it: it.scope["router"].routes == it.app.routes,
    'scope["session"]': lambda it: it.scope["session"].get("user_id") is None,
    "Route.path_format": lambda it: it.leaf.path_format == "/n/{b}",
    "Route.name": lambda it: it.leaf.name == "leaf",
    "Route has no routes": lambda it: getattr(it.leaf, "routes", None) is None,
    "Mount.path": lambda it: it.mount.path == "/m/{a}",
    "Mount.routes": lambda it: it.mount.routes == [it.leaf],
    "Mount.app": lambda it: it.mount.app is it.below,
    "Host.routes": lambda it: it.host.routes == [it.leaf],
    "Mount.matches": lambda it: matched(it)[0] is Match.FULL,
    "Mount.matches, the child scope": lambda it: (
        {
            "root_path": "/m/1",
            "path_params": {"a": "1"},
        }.items()
        <= matched(it)[1].items()
    ),
    "StaticFiles": lambda _: (
        Mount("/s", app=StaticFiles(directory=".")).app is not None
    ),
}


@checked(STARLETTE)
def test_rule_5_starlette_has_what_is_read(of_starlette, holds):
    """RULE-5: what names the route, the mount and the session of a request."""
    assert holds(of_starlette)


@pytest.mark.skipif(
    number(starlette.__version__) < (1, 10), reason="not named by older routers"
)
def test_rule_5_starlette_names_the_route(of_starlette):
    """RULE-5: ``scope["route"]``, which saves matching again."""
    assert of_starlette.leaf is of_starlette.scope["route"]


# -- FastAPI --------------------------------------------------------------------------


@pytest.fixture(scope="module", name="of_fastapi")
def _of_fastapi():
    """The scope of a request to a route of an included router."""
    found = SimpleNamespace()
    router = APIRouter()

    @router.get("/items/{item_id}")
    def endpoint(item_id: int, request: Request) -> None:
        found.scope = dict(request.scope)

    found.endpoint = endpoint
    found.app = FastAPI()
    found.app.include_router(router, prefix="/api/{tenant}")
    visit(found.app, "/api/t/items/7")
    return found


FASTAPI = {
    'scope["route"]': lambda it: it.scope["route"].path.endswith("/items/{item_id}"),
    'scope["endpoint"]': lambda it: it.scope["endpoint"] is it.endpoint,
    "FastAPI.setup": lambda it: (
        {
            one.endpoint.__qualname__.partition(".<locals>")[0]
            for one in it.app.routes
            if getattr(one, "path", "") in {"/docs", "/redoc", "/openapi.json"}
        }
        == {"FastAPI.setup"}
    ),
}


@checked(FASTAPI)
def test_rule_5_fastapi_has_what_is_read(of_fastapi, holds):
    """RULE-5: what names a route, and tells FastAPI's own pages from others."""
    assert holds(of_fastapi)


def included(found):
    """The nodes of included routers, since FastAPI 0.137."""
    return [one for one in found.app.routes if hasattr(one, "effective_route_contexts")]


NODES = {
    "effective_route_contexts": lambda it: len(included(it)) == 1,
    "the context of a node": lambda it: (
        [
            (one.path_format if hasattr(one, "path_format") else one.path)
            for one in included(it)[0].effective_route_contexts()
        ]
        == ["/api/{tenant}/items/{item_id}"]
    ),
    "effective_route_context": lambda it: (
        it.scope["fastapi"]["effective_route_context"].path
        == "/api/{tenant}/items/{item_id}"
    ),
    "original_route": lambda it: (
        it.scope["fastapi"]["effective_route_context"].original_route
        is it.scope["route"]
    ),
}


@pytest.mark.skipif(
    number(fastapi_version) < (0, 138), reason="routers were flat, or new"
)
@checked(NODES)
def test_rule_5_fastapi_s_included_routers_are_what_is_read(of_fastapi, holds):
    """RULE-5: an included router is a node whose contexts have the whole path."""
    assert holds(of_fastapi)


# -- Flask ----------------------------------------------------------------------------


@pytest.fixture(scope="module", name="of_flask")
def _of_flask():
    """Flask's context of a request, as it runs."""
    found = SimpleNamespace()
    app = found.app = flask.Flask("shop")
    app.secret_key = "secret"
    flask_login.LoginManager(app).user_loader(lambda _: None)
    names = vars(flask.globals)
    variable = names.get("_cv_request") or names["_cv_app"]

    class Item(MethodView):
        def get(self, item):
            running = variable.get()
            flask_login.login_user(found.user)
            found.session = running.session
            found.state = dict(vars(running))
            found.url_adapter = running.url_adapter
            found.rule = running.request.url_rule
            found.view_args = running.request.view_args
            found.g = dict(vars(names["_cv_app"].get().g))
            return "<p>Hello"

    found.user = flask_login.UserMixin()
    found.user.id = 7
    app.add_url_rule("/items/<int:item>", view_func=Item.as_view("item"))
    found.view = Item
    found.client = app.test_client()
    found.client.get("/items/7", headers={"Host": "shop.example"})
    return found


FLASK = {
    "vars(context)": lambda it: "_session" in it.state or "session" in it.state,
    "request.url_rule": lambda it: it.rule.rule == "/items/<int:item>",
    "request.view_args": lambda it: it.view_args == {"item": 7},
    "app.view_functions": lambda it: (
        it.app.view_functions[it.rule.endpoint].view_class is it.view
    ),
    "url_adapter.match": lambda it: (
        it.url_adapter.match(
            "/items/8", method="GET", return_rule=True, websocket=False
        )
        == (it.rule, {"item": 8})
    ),
    "url_adapter's site": lambda it: (
        (
            it.url_adapter.script_name,
            it.url_adapter.map is it.app.url_map,
        )
        == ("/", True)
    ),
    "url_adapter.server_name": lambda it: (
        hasattr(it.url_adapter, "server_name") and hasattr(it.url_adapter, "subdomain")
    ),
    "session.accessed": lambda it: it.session.accessed is True,
    "session.modified": lambda it: it.session.modified is True,
    "session, Flask-Login's key": lambda it: it.session["_user_id"] == "7",
    "g, Flask-Login's key": lambda it: it.g["_login_user"] is it.user,
}


@checked(FLASK)
def test_rule_5_flask_has_what_is_read(of_flask, holds):
    """RULE-5: what names the route, the session and the user of a request."""
    assert holds(of_flask)


# -- aiohttp --------------------------------------------------------------------------


@pytest.fixture(scope="module", name="of_aiohttp")
def _of_aiohttp(tmp_path_factory):
    """A request as aiohttp has matched it, and what its resources say."""
    found = SimpleNamespace()

    async def endpoint(request):
        found.match = request.match_info
        found.raw_headers = request.raw_headers
        return web.Response(body=steps())

    async def steps():
        yield b"<p>Hello"

    async def seen(_, response):
        found.body = response.body

    below = web.Application()
    below.router.add_get("/{a}", endpoint)
    app = found.app = web.Application()
    app.router.add_get("/plain", endpoint)
    app.router.add_get(r"/items/{item:\d+}", endpoint, name="item")
    app.router.add_static("/static", tmp_path_factory.mktemp("static"))
    app.add_subapp("/below", below)
    app.add_domain("*.shop.example", below)
    app.on_response_prepare.append(seen)

    async def run():
        async with AiohttpClient(TestServer(app)) as client:
            await client.get("/items/7")

    asyncio.run(run())
    plain, item, static, sub, domain = app.router.resources()
    found.facts = {
        name: one.get_info()
        for name, one in {
            "plain": plain,
            "item": item,
            "static": static,
            "sub": sub,
            "domain": domain,
        }.items()
    }
    found.below, found.endpoint = below, endpoint
    return found


AIOHTTP = {
    "match_info.route.resource": lambda it: (
        it.match.route.resource.canonical == "/items/{item}"
    ),
    "match_info.route.name": lambda it: it.match.route.name == "item",
    "match_info.handler": lambda it: it.match.handler is it.endpoint,
    "match_info, the parameters": lambda it: dict(it.match) == {"item": "7"},
    "match_info.apps": lambda it: it.match.apps[0] is it.app,
    "raw_headers": lambda it: b"host" in {name.lower() for name, _ in it.raw_headers},
    "get_info, a plain path": lambda it: it.facts["plain"]["path"] == "/plain",
    "get_info, a pattern": lambda it: (
        it.facts["item"]["pattern"].fullmatch("/items/7").groupdict() == {"item": "7"}
    ),
    "get_info, a formatter": lambda it: (
        it.facts["item"]["formatter"] == "/items/{item}"
    ),
    "get_info, static files": lambda it: it.facts["static"]["prefix"] == "/static",
    "get_info, a sub-application": lambda it: (
        (
            it.facts["sub"]["prefix"],
            it.facts["sub"]["app"],
        )
        == ("/below", it.below)
    ),
    "get_info, a domain": lambda it: (
        it.facts["domain"]["app"] is it.below
        and it.facts["domain"]["rule"].match_domain("a.shop.example")
    ),
    "response.body": lambda it: isinstance(it.body, AsyncIterablePayload),
}


@checked(AIOHTTP)
def test_rule_5_aiohttp_has_what_is_read(of_aiohttp, holds):
    """RULE-5: what names the resource that a request goes to."""
    assert holds(of_aiohttp)
