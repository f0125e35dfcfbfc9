"""What is peculiar to FastAPI: included routers, dependencies, its own pages."""

import asyncio
from functools import partial
from typing import Annotated

import anyio
import asgi_visits
import fastapi
import pytest
from asgi_visits import (
    Recorder,
    Spy,
    scope_of,
    serve,
    status_of,
    visit,
    websocket_scope_of,
)
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from segment_integrations import Analytics, current, propagate, set_user, track, tracks
from segment_integrations import starlette as for_starlette
from segment_integrations.errors import ConfigurationError
from segment_integrations.fastapi import AnalyticsDep, SegmentMiddleware, analytics_from
from segment_integrations.testing import BROWSER_HEADERS

pytestmark = pytest.mark.usefixtures("nothing_left")

PLACEMENTS = ("added", "around")

instrumented = partial(asgi_visits.instrumented, SegmentMiddleware)


def hello():
    return HTMLResponse("<p>Hello")


async def async_hello():
    return HTMLResponse("<p>Hello")


async def hello_socket(websocket: WebSocket):
    await websocket.accept()
    await websocket.close()


def starlette_hello(request):
    return HTMLResponse("<p>Hello")


def leaf_router(**options):
    """A router with one of each kind of route."""
    router = APIRouter(**options)
    router.get("/items/{item_id}")(hello)
    router.get("/files/{rest:path}")(async_hello)
    router.add_route("/plain/{p}", starlette_hello)
    router.websocket("/socket/{room}")(hello_socket)
    return router


def fastapi_app():
    """An application with included routers, mounts, and routers with mounts."""
    app = FastAPI()
    app.get("/own/{o}")(hello)
    nested = APIRouter(prefix="/{area}")
    nested.include_router(leaf_router(prefix="/v1"))
    app.include_router(nested, prefix="/api/{tenant}")
    app.include_router(leaf_router(), prefix="/again")

    sub = FastAPI()
    sub.get("/thing/{y}")(hello)
    sub.include_router(leaf_router(), prefix="/in/{i}")
    app.mount("/sub/{z}", sub)

    mounting = APIRouter()
    mounting.mount("/m/{a}", Starlette(routes=[Route("/n/{b}", starlette_hello)]))
    below = FastAPI()
    below.include_router(leaf_router(), prefix="/deep")
    mounting.mount("/f/{a}", below)
    app.include_router(mounting, prefix="/with/{w}")

    nameless = APIRouter()
    nameless.mount("/", Starlette(routes=[Route("/root/{r}", starlette_hello)]))
    hosted = FastAPI()
    hosted.include_router(leaf_router(), prefix="/h")
    app.host("{team}.teams.example", hosted)
    app.include_router(nameless, prefix="/pre")
    return app


IS_FLAT = tuple(map(int, fastapi.__version__.split(".")[:2])) < (0, 137)
"""Before 0.137 an included router's mounts and plain routes were lost."""

ROUTES = [
    # method, path, host, the status, the right answer
    ("GET", "/own/1", None, 200, "/own/{o}"),
    ("GET", "/api/t1/shop/v1/items/7", None, 200, "/api/{tenant}/{area}/v1/items/{id}"),
    ("GET", "/api/t1/shop/v1/files/a/b", None, 200, "/api/{tenant}/{area}/v1/files/{}"),
    ("GET", "/api/t1/shop/plain/2", None, 200, "/api/{tenant}/{area}/plain/{p}"),
    (
        "POST",
        "/api/t1/shop/v1/items/7",
        None,
        405,
        "/api/{tenant}/{area}/v1/items/{id}",
    ),
    ("GET", "/again/items/7", None, 200, "/again/items/{id}"),
    ("GET", "/sub/1/thing/2", None, 200, "/sub/{z}/thing/{y}"),
    ("GET", "/sub/1/in/2/items/3", None, 200, "/sub/{z}/in/{i}/items/{id}"),
    ("GET", "/sub/1/nothing", None, 404, None),
    ("GET", "/with/1/m/2/n/3", None, 200, "/with/{w}/m/{a}/n/{b}"),
    ("GET", "/with/1/m/2/nothing", None, 404, None),
    ("GET", "/with/1/f/2/deep/items/3", None, 200, "/with/{w}/f/{a}/deep/items/{id}"),
    ("GET", "/h/items/3", "red.teams.example", 200, "/h/items/{id}"),
    ("GET", "/nothing", "red.teams.example", 404, None),
    ("GET", "/pre/root/2", None, 200, "/pre/root/{r}"),
    ("GET", "/own/1/", None, 307, None),
    ("GET", "/docs", None, 200, "/docs"),
    ("GET", "/openapi.json", None, 200, "/openapi.json"),
]

UNFLAT = ("/with", "/pre", "/api/t1/shop/plain")


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize("row", ROUTES)
def test_rt_1_the_route_is_its_whole_template(
    analytics, recorder, placement, root_path, row
):
    """RT-1: included routers, mounts below them, root path and placement."""
    method, path, host, status, expected = row
    if IS_FLAT and path.startswith(UNFLAT):  # pragma: no cover - an older FastAPI
        pytest.skip("this FastAPI loses the route when its router is included")
    if expected is not None:
        expected = expected.replace("{id}", "{item_id}").replace("{}", "{rest}")
    contexts = []
    app = instrumented(
        fastapi_app(), placement, analytics, inner=[partial(Spy, contexts=contexts)]
    )
    headers = {"host": host} if host else {}
    sent = visit(app, path, method=method, headers=headers, root_path=root_path)

    assert status == status_of(sent)
    assert expected == contexts[0].routing.template
    if status == 200 and not contexts[0].routing.is_internal:
        properties = recorder.pages[0]["properties"]
        assert expected == properties.get("route")
        assert root_path + path == properties["path"]
    else:
        assert [] == recorder.pages


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_1_a_root_path_of_fastapis_own(analytics, recorder, placement):
    """RT-1: `FastAPI(root_path=...)`, with the prefix stripped by the proxy or not."""
    app = fastapi_app()
    app.root_path = "/proxy"  # as the argument, which newer ones deprecate
    app = instrumented(app, placement, analytics)
    for path in ("/own/1", "/proxy/own/1", "/proxy/sub/1/thing/2"):
        visit(app, path)

    found = [
        (one["properties"]["route"], one["properties"]["path"])
        for one in recorder.pages
    ]
    own = ("/own/{o}", "/proxy/own/1")
    assert [own, own, ("/sub/{z}/thing/{y}", "/proxy/sub/1/thing/2")] == found


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_1_starlette_around_fastapi(analytics, recorder, placement):
    """RT-1: Starlette's middleware knows the included routers of a FastAPI app too."""
    app = Starlette(routes=[Mount("/p/{q}", fastapi_app())])
    if placement == "added":
        app.add_middleware(for_starlette.SegmentMiddleware, analytics=analytics)
    else:
        app = for_starlette.SegmentMiddleware(app, analytics)
    for path in ("/api/t1/shop/v1/items/7", "/sub/2/in/3/files/4", "/docs"):
        assert 200 == status_of(visit(app, f"/p/1{path}"))

    expected = [
        "/p/{q}/api/{tenant}/{area}/v1/items/{item_id}",
        "/p/{q}/sub/{z}/in/{i}/files/{rest}",
    ]
    assert expected == [one["properties"]["route"] for one in recorder.pages]


@pytest.mark.skipif(IS_FLAT, reason="this FastAPI loses the mounts of a router")
@pytest.mark.parametrize("prefix", ["", "/with"])
def test_rt_1_a_mounted_app_alone(analytics, recorder, prefix):
    """RT-1: only the mounted app has the middleware, and the prefix is known."""
    sub = FastAPI()
    sub.include_router(leaf_router(), prefix="/in")
    sub.get("/thing/{y}")(hello)
    sub.add_middleware(SegmentMiddleware, analytics=analytics)
    router = APIRouter()
    router.mount("/m/{a}", sub)
    app = FastAPI()
    app.include_router(router, prefix=prefix)
    for path in ("/in/items/1", "/thing/1"):
        assert 200 == status_of(visit(app, f"{prefix}/m/1{path}"))

    found = [one["properties"]["route"] for one in recorder.pages]
    assert [
        f"{prefix}/m/{{a}}/in/items/{{item_id}}",
        f"{prefix}/m/{{a}}/thing/{{y}}",
    ] == (found)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/again/socket/5", "/again/socket/{room}"),
        ("/sub/1/in/2/socket/5", "/sub/{z}/in/{i}/socket/{room}"),
    ],
)
def test_rt_1_websockets(analytics, path, expected):
    """RT-1: a websocket's route has its router's prefix."""
    contexts = []
    app = instrumented(
        fastapi_app(), "added", analytics, inner=[partial(Spy, contexts=contexts)]
    )
    incoming = [{"type": "websocket.connect"}]
    sent = anyio.run(serve, app, websocket_scope_of(path), incoming)

    assert "websocket.accept" == sent[0]["type"]
    assert expected == contexts[0].routing.template
    assert "5" == contexts[0].routing.params["room"]


def test_rt_3_one_route_one_name(analytics, recorder):
    """RT-3: a thousand addresses of an included route have one name."""
    app = instrumented(fastapi_app(), "added", analytics)

    async def many():
        for number in range(1000):
            path = f"/api/t{number}/a{number}/v1/files/{number}"
            await serve(app, scope_of(path))

    anyio.run(many)

    assert 1000 == len(recorder.pages)
    assert {"/api/{tenant}/{area}/v1/files/{rest}"} == {
        one["name"] for one in recorder.pages
    }


def test_rt_4_routes_are_left_alone(analytics):
    """RT-4: no request changes an endpoint or the routes themselves."""
    app = instrumented(fastapi_app(), "added", analytics)
    paths = ["/own/1", "/again/files/2", "/sub/1/in/2/files/3", "/nothing"]

    async def many(count):
        for number in range(count):
            await serve(app, scope_of(paths[number % len(paths)]))

    anyio.run(many, 8)
    before = [(id(route), id(getattr(route, "endpoint", None))) for route in app.routes]
    anyio.run(many, 400)
    after = [(id(route), id(getattr(route, "endpoint", None))) for route in app.routes]

    assert before == after


def test_fastapis_own_pages_are_not_pages(analytics, recorder):
    """The pages of the API documentation are the framework's own."""
    app = instrumented(fastapi_app(), "added", analytics)
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect", "/sub/1/docs"):
        assert 200 == status_of(visit(app, path))

    assert [] == recorder.pages
    assert 4 == analytics.stats().pages["excluded_view"]


# -- dependencies ---------------------------------------------------------------------


def signs_in():
    set_user("user-1")


async def signs_in_async():
    set_user("user-1")


def signs_in_and_cleans_up():
    set_user("user-1")
    yield
    track("Cleaned Up")


@pytest.mark.parametrize("endpoint", [hello, async_hello])
@pytest.mark.parametrize("dependency", [signs_in, signs_in_async])
def test_ctx_1_a_dependency_signs_in(analytics, recorder, dependency, endpoint):
    """CTX-1: what a sync dependency says on its thread holds for event and page."""
    app = FastAPI()

    @app.get("/", dependencies=[Depends(dependency)])
    @tracks("Seen")
    async def seen():
        return HTMLResponse("<p>Hello")

    @app.get("/sync", dependencies=[Depends(dependency)])
    @tracks("Seen")
    def seen_sync():
        return HTMLResponse("<p>Hello")

    app.get("/plain", dependencies=[Depends(dependency)])(endpoint)
    app = instrumented(app, "added", analytics)
    for path in ("/", "/sync", "/plain"):
        visit(app, path)

    assert 2 == len(recorder.tracks)
    assert 3 == len(recorder.pages)
    assert {"user-1"} == {one["userId"] for one in recorder}


def test_a_dependency_tracks_after_its_yield(analytics, recorder):
    """The part of a dependency that cleans up still knows the request."""
    app = FastAPI()
    app.get("/", dependencies=[Depends(signs_in_and_cleans_up)])(hello)
    visit(instrumented(app, "added", analytics), "/")

    assert ["user-1"] == [one["userId"] for one in recorder.tracks]


def test_ctx_4_many_users_at_once(analytics, recorder):
    """CTX-4: two hundred requests at once, sync and async, never mix."""
    app = FastAPI()

    @app.get("/sync/{user}")
    def on_thread(user: str):
        set_user(user)
        track("Seen", {"user": user})
        return HTMLResponse("<p>Hello")

    @app.get("/async/{user}")
    async def on_loop(user: str):
        set_user(user)
        await asyncio.sleep(0)
        track("Seen", {"user": user})
        return HTMLResponse("<p>Hello")

    app = instrumented(app, "added", analytics)

    async def many():
        async with anyio.create_task_group() as group:
            for number in range(200):
                kind = "sync" if number % 2 else "async"
                group.start_soon(serve, app, scope_of(f"/{kind}/user-{number}"))

    anyio.run(many)

    assert 200 == len(recorder.tracks) == len(recorder.pages)
    assert 200 == len({one["userId"] for one in recorder.pages})
    for one in recorder.tracks:
        assert one["properties"]["user"] == one["userId"]
    for one in recorder.pages:
        assert one["properties"]["path"].endswith(f"/{one['userId']}")


def test_ctx_9_ctx_10_tasks_and_threads(analytics, recorder):
    """CTX-9, CTX-10: tasks know the identity, also later; threads need `propagate`."""
    app = FastAPI()
    left = []
    go_on = asyncio.Event()

    async def later():
        await go_on.wait()
        track("Later")

    @app.get("/")
    async def endpoint():
        set_user("user-1")
        left.append(asyncio.create_task(later()))
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(track, "To Thread")
        await loop.run_in_executor(None, propagate(track), "Propagated")
        assert await loop.run_in_executor(None, current) is None
        return HTMLResponse("<p>Hello")

    app = instrumented(app, "added", analytics)

    async def visit_and_wait():
        await serve(app, scope_of("/"))
        assert current() is None
        await serve(app, scope_of("/nowhere"))
        go_on.set()
        await asyncio.gather(*left)

    anyio.run(visit_and_wait)

    found = [(one["event"], one["userId"]) for one in recorder.tracks]
    assert [
        ("To Thread", "user-1"),
        ("Propagated", "user-1"),
        ("Later", "user-1"),
    ] == found


def test_the_dependency_gives_the_requests_analytics(analytics, recorder):
    """`AnalyticsDep` is the middleware's, in endpoints, dependencies and websockets."""
    app = FastAPI()
    found = []

    def below(analytics: AnalyticsDep):
        found.append(analytics)

    @app.get("/", dependencies=[Depends(below)])
    def endpoint(request: Request, analytics: AnalyticsDep):
        found.extend([analytics, analytics_from(request)])
        analytics.track("Seen")
        return HTMLResponse("<p>Hello")

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, analytics: AnalyticsDep):
        found.append(analytics)
        await websocket.accept()
        await websocket.close()

    app = instrumented(app, "added", analytics)
    with Analytics("first", sink=Recorder()):
        visit(app, "/")
        incoming = [{"type": "websocket.connect"}]
        anyio.run(serve, app, websocket_scope_of("/socket"), incoming)

    assert [analytics] * 4 == found
    assert "Seen" == recorder.tracks[0]["event"]


def test_the_schema_is_as_without_us(analytics):
    """Neither middleware, dependency nor decorator shows in the OpenAPI schema."""

    def made(*, has_ours):
        app = FastAPI()
        kind = AnalyticsDep if has_ours else Annotated[str, Depends(lambda: "none")]
        mark = tracks("Seen", from_args=["item_id"]) if has_ours else lambda view: view

        @app.get("/items/{item_id}")
        @mark
        def item(item_id: int, analytics: kind, q: str = "x") -> dict[str, int]:
            return {"id": item_id}

        if has_ours:
            app.add_middleware(SegmentMiddleware, analytics=analytics)
        return app

    ours, plain = made(has_ours=True), made(has_ours=False)

    assert plain.openapi() == ours.openapi()
    assert {"id": 7} == TestClient(ours).get("/items/7").json()


def test_an_override_in_tests(analytics):
    """`dependency_overrides` replaces what `AnalyticsDep` gives."""
    app = FastAPI()
    recorder = Recorder()

    @app.get("/")
    def endpoint(analytics: AnalyticsDep):
        analytics.track("Seen", user_id="user-1")
        return HTMLResponse("<p>Hello")

    with Analytics("other", sink=recorder) as other:
        app.dependency_overrides[analytics_from] = lambda: other
        visit(app, "/")

    assert ["Seen"] == [one["event"] for one in recorder.tracks]


def test_settings_in_place_of_analytics(segment_events):
    """The middleware makes its own `Analytics`; one page, one track, one visitor."""
    app = FastAPI()

    @app.get("/items/{item_id}")
    @tracks("Item Viewed", from_args=["item_id"])
    def item(item_id: int):
        return HTMLResponse("<p>Hello")

    app.add_middleware(SegmentMiddleware, write_key="k")
    with TestClient(app, cookies={"ajs_anonymous_id": "visitor-1"}) as client:
        client.get("/items/7", headers=BROWSER_HEADERS)

    segment_events.assert_page("/items/{item_id}", count=1, path="/items/7")
    segment_events.assert_tracked(
        "Item Viewed",
        count=1,
        anonymous_id="visitor-1",
        properties={"item_id": 7},
    )


def test_wrong_settings_fail_when_the_application_starts():
    """Around the app at once; added to it when the lifespan begins."""
    app = FastAPI()
    with pytest.raises(ConfigurationError, match="flsh_at is no setting"):
        SegmentMiddleware(app, flsh_at=7)
    app.add_middleware(SegmentMiddleware, flsh_at=7)

    with pytest.raises(ConfigurationError):
        TestClient(app).__enter__()
