"""`tracks` under the frameworks: schemas, class-based views and the wrong side."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Annotated

import fastapi
import flask
import pytest
from asgiref.sync import iscoroutinefunction
from django.utils.decorators import method_decorator
from django.utils.functional import lazystr
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_integrations import ConfigurationError, tracks

done = tracks("Done")


class Cart(BaseModel):
    currency: str
    note: str | None = None


def tenant(request: Request) -> str:
    return request.headers.get("x-tenant", "none")


@done
def counted():
    """A dependency with an end."""
    yield 1


def shop(mark, dependency):
    app = FastAPI()

    @app.post("/carts/{cart_id}", summary="Put a cart")
    @mark
    async def put(
        cart_id: int,
        cart: Cart,
        request: Request,
        who: Annotated[str, Depends(tenant)],
        *,
        count: int = Depends(dependency),  # noqa: FAST002 - a local name
        limit: int = 3,
    ) -> Cart:
        """Take a cart."""
        if limit > 5:
            raise HTTPException(404)
        return Cart(currency=f"{cart.currency}{cart_id}{who}{count}")

    @app.get("/plain")
    @mark
    def plain(limit: int = 3) -> dict[str, int]:
        return {"limit": limit}

    return app


def test_de2_fastapi_sees_the_same_endpoint(sent):
    """DE-2: the OpenAPI schema is the undecorated app's, and the endpoint works."""
    currency = tracks("Put", from_args=["cart.currency", "who"])
    either = lambda view: currency(view) if view.__name__ == "put" else done(view)  # noqa: E731
    tracked = shop(either, counted)
    assert shop(lambda view: view, counted.__wrapped__).openapi() == tracked.openapi()
    with TestClient(tracked) as client:
        answer = client.post("/carts/7", json={"currency": "EUR"})
        assert {"currency": "EUR7none1", "note": None} == answer.json()
        assert ["Put", "Done"] == sent.names
        assert {"currency": "EUR", "who": "none"} == sent.properties[0]
        assert (
            404 == client.post("/carts/7?limit=6", json={"currency": "E"}).status_code
        )
        assert 422 == client.post("/carts/x", json={"currency": "E"}).status_code
        assert ["Put"] == [name for name in sent.names if name == "Put"]
        assert {"limit": 4} == client.get("/plain?limit=4").json()


class Answering:
    async def __call__(self, request: Request):
        return PlainTextResponse(request.url.path)


@pytest.mark.skipif(
    fastapi.__version__.startswith("0.115."),
    reason="FastAPI 0.115 serves no object with an async call",
)
def test_an_object_with_an_async_call_is_an_endpoint(sent):
    """FastAPI and Starlette still see that a callable object is async."""
    app = FastAPI()
    app.add_api_route("/object", done(Answering()))
    with TestClient(app) as client:
        assert "/object" == client.get("/object").text
    assert ["Done"] == sent.names
    assert "Answering" == app.routes[-1].name


PROXY = "stands above a route decorator of "


def test_de2_above_the_route_decorator_is_a_clear_error():
    """DE-2: on the wrong side, where no request would come by, it is refused."""
    app, router = FastAPI(), APIRouter()
    server, blueprint = flask.Flask(__name__), flask.Blueprint("b", __name__)
    for framework, route in {
        "fastapi": app.get,
        "fastapi ": router.post,
        "flask": server.get,
        "flask ": blueprint.get,
    }.items():
        with pytest.raises(ConfigurationError, match=PROXY + framework.strip()):

            @done
            @route("/a")
            def view():
                return ""

    with pytest.raises(ConfigurationError, match="below"):

        @done
        @contextlib.contextmanager
        @app.get("/b")
        def inside():
            yield


def registered():
    """Be an endpoint elsewhere, on purpose."""


def test_an_explicit_call_with_an_endpoint_is_fine():
    """A named function may be registered with and without an event."""
    app = FastAPI()
    app.add_api_route("/a", registered)
    app.add_api_route("/b", done(registered))
    starlette = Starlette(routes=[Route("/a", registered)])
    assert done(lambda: starlette)() is starlette
    blueprint = flask.Blueprint("b", __name__)
    blueprint.get("/a")(registered)
    assert done(lambda: blueprint)() is blueprint


def test_strange_objects_in_the_module_are_no_trouble():
    """An app whose attributes raise is passed over."""

    class Broken(FastAPI):
        routes = property(lambda _: 1 / 0)

    app = Broken()
    assert 1 == done(lambda: 1)()
    del app


# Django's own requests and responses need settings; its views do not.
REQUEST = SimpleNamespace(method="GET", path="/here")
FOUND, MISSING = SimpleNamespace(status_code=200), SimpleNamespace(status_code=404)
path = tracks("Done", from_args=["request.path"])


def found(request):
    return FOUND


class Page(View):
    @path
    def get(self, request):
        return FOUND


@method_decorator(path, name="dispatch")
class Whole(View):
    def get(self, request):
        return FOUND


class Each(View):
    @method_decorator(path)
    def get(self, request):
        return MISSING if request.path == "/nowhere" else FOUND


@pytest.mark.parametrize(
    "view",
    [Page.as_view(), Whole.as_view(), Each.as_view(), path(found)],
)
def test_django_views_of_all_forms(view, sent):
    """Views, methods of class-based views and `method_decorator` send one each."""
    assert view(REQUEST) is FOUND
    assert [{"path": "/here"}] == sent.properties


def test_a_django_view_that_answers_404_sends_nothing(sent):
    """A returned 404 is a failure under `method_decorator` too."""
    request = SimpleNamespace(method="GET", path="/nowhere")
    assert Each.as_view()(request) is MISSING
    assert [] == sent.names


def test_de1_csrf_exempt_stays(sent):
    """DE-1: the mark of `csrf_exempt` is there after, on either side."""
    assert done(csrf_exempt(Page.as_view())).csrf_exempt
    assert csrf_exempt(done(Page.as_view())).csrf_exempt


def test_method_decorator_with_an_unknown_name_spares_the_request(sent, caplog):
    """Django decorates anew in each request: a wrong name costs the property only."""

    @method_decorator(tracks("Done", from_args=["order.id"]), name="dispatch")
    class Wrong(View):
        def get(self, request):
            return FOUND

    assert Wrong.as_view()(REQUEST) is FOUND
    assert [{}] == sent.properties


def test_de1_async_django_views_stay_marked(sent):
    """DE-1: what Django marks as async is so after, and done before its event."""

    class Later(View):
        async def get(self, request):
            await asyncio.sleep(0)
            return FOUND

    view = Later.as_view()
    assert iscoroutinefunction(view)
    assert iscoroutinefunction(done(view))
    assert done(view).view_class is Later

    async def main():
        waiting = done(view)(REQUEST)
        assert [] == sent.names
        return await waiting

    assert asyncio.run(main()) is FOUND
    assert ["Done"] == sent.names


def test_django_s_lazy_texts_are_read(sent):
    """A text that Django makes late is sent as its text."""
    tracks("Done", properties={"label": lazystr("Name")})(registered)()
    assert [{"label": "Name"}] == sent.properties
