"""What is peculiar to Litestar: routes, who is signed in, sockets, streams, servers."""

import asyncio
import logging
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from asgi_visits import (
    LIFESPAN,
    Copying,
    headers_of,
    lifespan_scope,
    serve,
    status_of,
    visit,
    websocket_scope_of,
)
from litestar import (
    Controller,
    Litestar,
    MediaType,
    Request,
    Response,
    Router,
    WebSocket,
    asgi,
    get,
    post,
    websocket,
)
from litestar.background_tasks import BackgroundTask
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.openapi.config import OpenAPIConfig
from litestar.response import ServerSentEvent, Stream
from litestar.static_files import create_static_files_router
from litestar.testing import TestClient
from server_programs import UVICORN, loses_nothing

from segment_integrations import Analytics, current, no_page, set_user, track
from segment_integrations.errors import ConfigurationError
from segment_integrations.litestar import (
    SegmentMiddleware,
    SegmentPlugin,
    analytics_from,
    lifespan,
)

PLACEMENTS = ("plugin", "around")

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.filterwarnings(
        "ignore:Direct inheritance from class AbstractMiddleware:DeprecationWarning",
        "ignore:Use of deprecated class 'AbstractMiddleware':DeprecationWarning",
        "ignore:.*Inferred dependency field:DeprecationWarning",
    ),
]


@pytest.fixture(name="place", params=PLACEMENTS)
def _place(request, analytics):
    """Make an application with us in it, or around it."""

    def made(*handlers, **options):
        options = {"openapi_config": None, "logging_config": None, **options}
        if request.param == "around":
            return SegmentMiddleware(Litestar([*handlers], **options), analytics)
        plugins = [SegmentPlugin(analytics)]
        return Litestar([*handlers], plugins=plugins, **options)

    return made


def html(path, **options):
    """A page without parameters in its handler."""

    @get(path, media_type=MediaType.HTML, **options)
    async def shown() -> str:
        return "<p>Hello"

    return shown


# -- routes ---------------------------------------------------------------------------


class Items(Controller):
    """A controller, whose path and whose handlers' are joined."""

    path = "/items"

    @get("/{item_id:int}", media_type=MediaType.HTML)
    async def item(self, request: Request) -> str:
        return f"<p>{request.path_params['item_id']}"

    @get("/quiet", media_type=MediaType.HTML)
    @no_page
    async def quiet(self) -> str:
        return "<p>-"


@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/api/acme/items/7", "/api/{tenant}/items/{item_id}"),
        ("/api/acme/items/7/", "/api/{tenant}/items/{item_id}"),
        ("/plain", "/plain"),
    ],
)
def test_rt_1_the_route_is_its_whole_template(
    place, recorder, root_path, path, template
):
    """RT-1: routers, controllers and a proxy's prefix; the path is what was asked."""
    app = place(Router("/api/{tenant:str}", route_handlers=[Items]), html("/plain"))
    assert 200 == status_of(visit(app, path, root_path=root_path))
    (page,) = recorder.pages
    assert template == page["name"] == page["properties"]["route"]
    assert root_path + path == page["properties"]["path"]


def test_rt_1_what_is_mounted_has_no_route(place, recorder):
    """RT-1: below a mount no route is known, and the path is whole."""

    @asgi("/sub", is_mount=True, copy_scope=True)
    async def sub(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<p>"})

    visit(place(sub, html("/")), "/sub/deep")
    (page,) = recorder.pages
    assert "route" not in page["properties"]
    assert "/sub/deep" == page["properties"]["path"]


def test_rt_7_a_middleware_that_copies_the_scope(analytics, recorder):
    """RT-7: the route is found by asking again, and the identity arrives."""

    @get("/p/{slug:str}", media_type=MediaType.HTML)
    async def product() -> str:
        set_user("u-1")
        return "<p>"

    app = Litestar([product], openapi_config=None, logging_config=None)
    visit(SegmentMiddleware(Copying(app), analytics), "/p/shoes")
    (page,) = recorder.pages
    assert ("/p/{slug}", "u-1") == (page["name"], page["userId"])


def test_marks_static_files_and_documentation(place, analytics, recorder, tmp_path):
    """A mark on a controller's handler counts; Litestar's own pages are no pages."""
    (tmp_path / "page.html").write_text("<p>static")
    app = place(
        Items,
        create_static_files_router("/static", [tmp_path]),
        openapi_config=OpenAPIConfig("Shop", "1"),
    )
    for path in ("/items/quiet", "/static/page.html", "/schema/swagger"):
        assert 200 == status_of(visit(app, path)), path
    assert [] == recorder.pages
    assert {"excluded_view": 3} == dict(analytics.stats().pages)


@pytest.mark.parametrize("token", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{}"])
def test_pv_1_a_typed_secret_is_masked_as_it_stands_in_the_path(place, recorder, token):
    """PV-1: what a type makes of a parameter is not what the path has."""

    @get("/reset/{token:uuid}/{name:str}", media_type=MediaType.HTML)
    async def reset_page(request: Request) -> str:
        assert isinstance(request.path_params["token"], UUID)
        track("Reset Opened")
        return "<p>"

    token = token.format("a0eebc999c0b4ef8bb6d6bb9bd380a11")
    visit(place(reset_page), f"/reset/{token}/ada")
    (page,), (tracked,) = recorder.pages, recorder.tracks
    assert "/reset/***/ada" == page["properties"]["path"]
    assert "/reset/***/ada" == tracked["context"]["page"]["path"]
    assert token.lower() not in str(recorder).lower()


def test_pv_1_a_secret_in_a_referrer_of_this_site_is_masked(place, recorder):
    """PV-1: also of a route that only a POST reaches."""

    @post("/reset/{token:str}")
    async def reset_form() -> str:
        return "<p>"

    headers = {"referer": "http://shop.example/reset/s3cret?q=1"}
    visit(place(reset_form, html("/done")), "/done", headers=headers)
    (page,) = recorder.pages
    assert "http://shop.example/reset/***" == page["properties"]["referrer"]


@pytest.mark.parametrize("path", ["/nowhere", "/plain"])
def test_what_no_route_answers(place, analytics, recorder, path):
    """A page that the handler of a 404 gives is one; a wrong method is none."""

    def app_shell(_: Request, __: Exception) -> Response:
        return Response("<p>shell", media_type=MediaType.HTML, status_code=200)

    app = place(html("/plain"), exception_handlers={NotFoundException: app_shell})
    method = "GET" if path == "/nowhere" else "POST"
    sent = visit(app, path, method=method)
    expected = {"page": 1} if method == "GET" else {"method": 1}
    assert expected == dict(analytics.stats().pages)
    assert (200 if method == "GET" else 405) == status_of(sent)
    assert all("route" not in one["properties"] for one in recorder.pages)


def test_an_id_is_minted_where_no_route_answers(recorder):
    """The cookie is also set on a page that the handler of a 404 gives."""

    def app_shell(_: Request, __: Exception) -> Response:
        return Response("<p>shell", media_type=MediaType.HTML, status_code=200)

    with Analytics("k", sink=recorder, anonymous_cookie=True) as analytics:
        app = Litestar(
            [html("/")],
            plugins=[SegmentPlugin(analytics)],
            exception_handlers={404: app_shell},
            openapi_config=None,
            logging_config=None,
        )
        sent = visit(app, "/nowhere", headers={"cookie": ""})
    (page,) = recorder.pages
    assert page["anonymousId"] in dict(headers_of(sent))["set-cookie"]


# -- who is signed in ------------------------------------------------------------------


USERS = {
    "object": SimpleNamespace(id=7),
    "dict": {"user_id": 7},
    "text": "7",
    "nobody": None,
    "anonymous": SimpleNamespace(id=7, is_authenticated=False),
}


@pytest.mark.parametrize("kind", USERS)
def test_the_user_of_the_request_is_recognised(place, recorder, kind):
    """What an authentication middleware leaves in `request.user` is who it is."""

    class Authentication(AbstractAuthenticationMiddleware):
        async def authenticate_request(self, connection: Any) -> AuthenticationResult:
            return AuthenticationResult(user=USERS[kind], auth=None)

    visit(place(html("/"), middleware=[Authentication]))
    (page,) = recorder.pages
    known = kind in {"object", "dict", "text"}
    assert ("7" if known else None) == page.get("userId")


def test_a_refused_request_is_as_without_us(place, recorder, caplog):
    """A middleware that refuses is answered by Litestar, without a page."""

    class Authentication(AbstractAuthenticationMiddleware):
        async def authenticate_request(self, _: Any) -> AuthenticationResult:
            raise NotAuthorizedException

    assert 401 == status_of(visit(place(html("/"), middleware=[Authentication])))
    assert [] == recorder
    assert [] == [one for one in caplog.records if one.levelno > logging.INFO]


@pytest.mark.parametrize("is_sync", [True, False])
def test_ctx_1_a_dependency_identifies(place, recorder, is_sync):
    """CTX-1: what a dependency learns is on the events of a sync handler's thread."""

    def login() -> str:
        set_user("u-1")
        return "u-1"

    async def alogin() -> str:
        set_user("u-1")
        return "u-1"

    depends = Provide(login, sync_to_thread=True) if is_sync else Provide(alogin)

    @get("/", media_type=MediaType.HTML, sync_to_thread=True)
    def shown(who: str) -> str:
        track("Seen")
        return who

    visit(place(shown, dependencies={"who": depends}))
    assert ["track", "page"] == [one["type"] for one in recorder]
    assert {"u-1"} == {one["userId"] for one in recorder}


def test_the_request_has_its_analytics(place, analytics):
    """`analytics_from` gives what the calls of the request go to."""
    found = []

    @get("/", media_type=MediaType.HTML)
    async def shown(request: Request) -> str:
        found.append(analytics_from(request))
        return "<p>"

    visit(place(shown))
    assert [analytics] == found


# -- streams, sockets, tasks -----------------------------------------------------------


def test_as_1_a_stream_has_its_request_and_is_decided_at_its_start(place, recorder):
    """AS-1: the page goes before the body, whose generator knows the user."""

    @get("/", media_type=MediaType.HTML)
    async def shown() -> Stream:
        async def body():
            assert 1 == len(recorder.pages)
            track("Streamed")
            yield b"<p>"

        set_user("u-1")
        return Stream(body(), media_type=MediaType.HTML)

    assert 200 == status_of(visit(place(shown)))
    assert ["page", "track"] == [one["type"] for one in recorder]
    assert {"u-1"} == {one["userId"] for one in recorder}


def test_as_1_server_sent_events_are_no_page(place, recorder, analytics):
    """AS-1: an event stream is no page."""

    @get("/")
    async def shown() -> ServerSentEvent:
        return ServerSentEvent(iter(["one", "two"]))

    visit(place(shown))
    assert [] == recorder
    assert 1 == sum(dict(analytics.stats().pages).values())


def test_as_5_a_websocket_is_one_identity_and_no_page(place, recorder):
    """AS-5: three messages are three events of one user."""

    @websocket("/ws")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        set_user("u-1")
        for _ in range(3):
            track("Said", {"text": await socket.receive_text()})
        await socket.close()

    incoming = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": str(one)} for one in range(3)),
    ]
    asyncio.run(serve(place(talk), websocket_scope_of("/ws"), incoming))
    assert ["track"] * 3 == [one["type"] for one in recorder]
    assert {"u-1"} == {one["userId"] for one in recorder}
    assert "/ws" == recorder[0]["context"]["page"]["path"]


def test_background_tasks_have_their_request(place, recorder):
    """What runs after the response has the request's identity."""

    @get("/", media_type=MediaType.HTML)
    async def shown() -> Response[str]:
        set_user("u-1")
        return Response("<p>", background=BackgroundTask(track, "Late"))

    visit(place(shown))
    assert "u-1" == recorder.tracks[0]["userId"]


def test_ctx_5_the_plugin_and_the_middleware_are_one(analytics, recorder):
    """CTX-5: installed in each way at once there is one page and one holder."""
    seen = []

    @get("/", media_type=MediaType.HTML)
    async def shown() -> str:
        seen.append(current())
        return "<p>"

    plugins = [SegmentPlugin(analytics), SegmentPlugin(analytics)]
    app = Litestar([shown], plugins=plugins, openapi_config=None, logging_config=None)
    visit(SegmentMiddleware(app, analytics))
    assert 1 == len(recorder)
    assert 1 == len(seen)
    assert {"page": 1} == dict(analytics.stats().pages)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/fails"])
def test_errors_are_as_without_us(place, path):
    """AS-3: an exception in a handler is answered as without us."""

    @get("/fails")
    async def fails() -> None:
        raise LookupError

    without = Litestar([html("/"), fails], openapi_config=None, logging_config=None)
    assert visit(without, path) == visit(place(html("/"), fails), path)


def test_the_test_client_works(place, segment_events):
    """Litestar's own test client visits, and the fixture sees it."""
    with TestClient(
        Litestar([html("/")], plugins=[SegmentPlugin(write_key="k")])
    ) as it:
        headers = {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0",
            "Accept": "text/html",
            "Cookie": "ajs_anonymous_id=visitor-1",
        }
        assert 200 == it.get("/?a=b", headers=headers).status_code
    segment_events.assert_page("/", path="/")


# -- life ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["plugin", "around", "lifespan"])
@pytest.mark.parametrize("fails", [False, True])
def test_ls_2_the_shutdown_drains(way, fails):
    """LS-2: queued events are delivered, also those of an end that fails."""

    @asynccontextmanager
    async def own(_):
        yield
        analytics.track("Stopped", user_id="u-1")
        if fails:
            raise LookupError

    drained = []
    with Analytics("k", sink=Draining(drained)) as analytics:
        options: dict[str, Any] = {"lifespan": [own]}
        if way == "lifespan":
            options["lifespan"] = [lifespan(analytics), own]
        if way == "plugin":
            options["plugins"] = [SegmentPlugin(analytics)]
        app = Litestar([html("/")], openapi_config=None, logging_config=None, **options)
        whole = SegmentMiddleware(app, analytics) if way == "around" else app
        sent = []

        async def live():
            left = list(LIFESPAN)

            async def receive():
                return left.pop(0)

            async def send(message):
                sent.append(message["type"])

            await whole(lifespan_scope(), receive, send)

        if fails:
            # Litestar's own task group may have wrapped it.
            with pytest.raises((LookupError, BaseExceptionGroup)):
                asyncio.run(live())
        else:
            asyncio.run(live())
        assert ["Stopped"] == drained
    end = "failed" if fails else "complete"
    assert ["lifespan.startup.complete", f"lifespan.shutdown.{end}"] == sent


class Draining:
    """A sink whose messages count when it is flushed."""

    def __init__(self, drained):
        self.queued = []
        self.drained = drained

    def put(self, body, message):
        self.queued.append(message["event"])

    def flush(self, timeout):
        self.drained += self.queued
        self.queued.clear()
        return True


@pytest.mark.parametrize("kind", [SegmentPlugin, SegmentMiddleware])
def test_wrong_settings_fail_where_it_is_made(analytics, kind):
    """A setting that is none, or beside an `Analytics`, is an error at once."""
    with pytest.raises(ConfigurationError):
        kind(write_key="k", flush_after=3)
    with pytest.raises(ConfigurationError, match="not both"):
        kind(analytics=analytics, write_key="k")


@pytest.mark.parametrize("app", ["plugged", "around"])
def test_pr_2_sigterm_loses_nothing_and_changes_no_exit_code(serve, collector, app):
    """PR-2: what is queued under uvicorn arrives once before it ends."""
    arguments = [*UVICORN, "--factory", f"litestar_served:{app}"]
    plain = [*UVICORN, "litestar_served:plain"]
    loses_nothing(serve, collector, arguments, without=plain)
