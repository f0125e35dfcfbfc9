"""RULE-5: what we read of Litestar's internals is there, or absent."""

import logging
from types import SimpleNamespace

import pytest
from asgi_visits import visit
from litestar import Litestar, MediaType, Request, asgi, get
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.static_files import create_static_files_router
from litestar.types import Receive, Scope, Send
from test_internals import Strange
from test_internals_read import checked

from segment_integrations import track
from segment_integrations.litestar import SegmentMiddleware, SegmentPlugin

PLAIN = {"openapi_config": None, "logging_config": None}


@pytest.fixture(scope="module", name="of_litestar")
def _of_litestar(tmp_path_factory):
    """The scope of a request as Litestar has routed it, and its router."""
    found = SimpleNamespace()

    @get("/items/{item:int}", name="item", sync_to_thread=True)
    def endpoint(request: Request) -> None:
        found.scope = dict(request.scope)

    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    static = create_static_files_router("/s", [tmp_path_factory.mktemp("static")])
    found.app = Litestar([endpoint, mounted, static], **PLAIN)
    visit(found.app, "/items/7")
    found.route = found.app.asgi_router.handle_routing
    return found


def refused(found, path, method):
    """What the router raises where nothing answers."""
    with pytest.raises((NotFoundException, MethodNotAllowedException)) as caught:
        found.route(path=path, method=method)
    return caught.type


READ = {
    'scope["litestar_app"]': lambda it: it.scope["litestar_app"] is it.app,
    'scope["path_template"]': lambda it: it.scope["path_template"] == "/items/{item}",
    'scope["route_handler"].name': lambda it: it.scope["route_handler"].name == "item",
    "route_handler.fn": lambda it: (
        getattr(
            it.scope["route_handler"].fn, "func", it.scope["route_handler"].fn
        ).__name__
        == "endpoint"
    ),
    "handle_routing": lambda it: (
        it.route(path="/items/8", method="GET")[1].name == "item"
    ),
    "handle_routing, the template": lambda it: (
        it.route(path="/items/8", method="GET")[4] == "/items/{item}"
    ),
    "handle_routing, another method": lambda it: (
        refused(it, "/items/8", "POST") is MethodNotAllowedException
    ),
    "handle_routing, nothing": lambda it: (
        refused(it, "/nothing", "GET") is NotFoundException
    ),
    "route_handler.is_mount": lambda it: (
        it.route(path="/mounted/x", method="GET")[1].is_mount is True
    ),
    "static files are its own": lambda it: (
        it.route(path="/s/x", method="GET")[1].fn.__module__.partition(".")[0]
        == "litestar"
    ),
}


@checked(READ)
def test_rule_5_litestar_has_what_is_read(of_litestar, holds):
    """RULE-5: what names the handler and the template of a request."""
    assert holds(of_litestar)


@pytest.mark.parametrize("kind", ["plugin", "around"])
@pytest.mark.parametrize("make", [str, dict, Strange])
@pytest.mark.parametrize(
    "name", ["path_template", "route_handler", "litestar_app", "session", "user"]
)
def test_rule_5_litestar_with_another_scope(  # noqa: PLR0917 - fixtures
    analytics, recorder, caplog, name, make, kind
):
    """RULE-5: an entry of the scope that is no longer what it was costs no page."""

    @get("/items/{item:int}", media_type=MediaType.HTML)
    async def endpoint(request: Request) -> str:
        request.scope[name] = make()
        track("Seen")
        return "<p>Hello"

    if kind == "plugin":
        app = Litestar([endpoint], plugins=[SegmentPlugin(analytics)], **PLAIN)
    else:
        app = SegmentMiddleware(Litestar([endpoint], **PLAIN), analytics)
    with caplog.at_level(logging.CRITICAL):
        sent = visit(app, "/items/7")

    assert 200 == sent[0]["status"]
    assert ["Seen", "page"] == recorder.names()
    assert [None, None] == recorder.users()
    assert recorder.pages[0]["properties"].get("route") in {None, "/items/{item}"}
