"""What is peculiar to Starlette: routes, sessions, users, where middleware goes."""

import gc
import logging
import sys
from functools import partial
from pathlib import Path

import anyio
import asgi_visits
import pytest
from asgi_visits import (
    HTML,
    REQUESTS,
    Copying,
    Recorder,
    Spy,
    headers_of,
    page,
    scope_of,
    serve,
    status_of,
    visit,
    websocket_scope_of,
)
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
    SimpleUser,
)
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import BaseRoute, Host, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from segment_integrations import (
    Analytics,
    current,
    no_page,
    page_name,
    reset,
    set_user,
    track,
)
from segment_integrations.errors import ConfigurationError
from segment_integrations.starlette import SegmentMiddleware, analytics_from
from segment_integrations.testing import BROWSER_HEADERS

pytestmark = pytest.mark.usefixtures("nothing_left")

PLACEMENTS = ("added", "around")

instrumented = partial(asgi_visits.instrumented, SegmentMiddleware)


def hello(request):
    return HTMLResponse("<p>Hello")


async def hello_socket(websocket):
    await websocket.accept()
    await websocket.close()


def routes():
    """One of each kind of route."""
    below = [Route("/n/{b}", hello), Mount("/deep/{c}", routes=[Route("/x", hello)])]
    return [
        Route("/", hello),
        Route("/plain", hello, methods=["GET"]),
        Route("/items/{id:int}", hello),
        Route("/files/{rest:path}", hello),
        WebSocketRoute("/socket/{room}", hello_socket),
        Mount("/m/{a}", routes=below),
        Mount("/sub/{z}", app=Starlette(routes=[Route("/thing/{y}", hello)])),
        Mount("/opaque", app=page()),
        Mount("/wrapped", app=Copying(Starlette(routes=[Route("/in/{i}", hello)]))),
        Mount("/assets", app=StaticFiles(directory=Path(__file__).parent)),
        Host("{team}.teams.example", app=Starlette(routes=[Route("/h/{x}", hello)])),
        Mount("/r", routes=[Mount("", routes=[Route("/at-root/{r}", hello)])]),
    ]


ROUTES = [
    # method, path, host, the status, the right answer
    ("GET", "/", None, 200, "/"),
    ("GET", "/plain", None, 200, "/plain"),
    ("GET", "/items/7", None, 200, "/items/{id}"),
    ("GET", "/files/a/b.txt", None, 200, "/files/{rest}"),
    ("GET", "/m/secret/n/2", None, 200, "/m/{a}/n/{b}"),
    ("GET", "/m/secret/deep/3/x", None, 200, "/m/{a}/deep/{c}/x"),
    ("GET", "/sub/1/thing/2", None, 200, "/sub/{z}/thing/{y}"),
    ("GET", "/wrapped/in/2", None, 200, "/wrapped/in/{i}"),
    ("GET", "/r/at-root/2", None, 200, "/r/at-root/{r}"),
    ("GET", "/h/2", "red.teams.example", 200, "/h/{x}"),
    ("GET", "/opaque/anything", None, 200, None),
    ("GET", "/m/secret/nothing", None, 404, None),
    ("GET", "/sub/1/nothing", None, 404, None),
    ("GET", "/nothing", "red.teams.example", 404, None),
    ("GET", "/assets/nothing.css", None, 404, None),
    ("GET", "/plain/", None, 307, None),
    ("POST", "/plain", None, 405, "/plain"),
]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize("row", ROUTES)
def test_rt_1_the_route_is_its_whole_template(
    analytics, recorder, placement, root_path, row
):
    """RT-1, RT-5: mounts and hosts, root path and placement give one normal form."""
    method, path, host, status, expected = row
    contexts = []
    app = instrumented(
        Starlette(routes=routes()),
        placement,
        analytics,
        inner=[partial(Spy, contexts=contexts)],
    )
    headers = {"host": host} if host else {}
    sent = visit(app, path, method=method, headers=headers, root_path=root_path)

    assert status == status_of(sent)
    assert expected == contexts[0].routing.template
    if status == 200:
        properties = recorder.pages[0]["properties"]
        assert expected == properties.get("route")
        assert root_path + path == properties["path"]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_1_a_proxy_that_strips_the_prefix(analytics, recorder, placement):
    """RT-1: a root path that is not in the path, as older servers have it."""
    app = instrumented(Starlette(routes=[Route("/n/{b}", hello)]), placement, analytics)
    anyio.run(serve, app, {**scope_of("/n/2"), "root_path": "/proxy"})

    (found,) = recorder.pages
    assert "/n/{b}" == found["properties"]["route"]
    assert "/proxy/n/2" == found["properties"]["path"]


@pytest.mark.parametrize("placement", ["route", "mount", "app"])
def test_rt_1_below_a_mount(analytics, recorder, placement):
    """RT-1: a middleware that only a mounted part has knows the prefix too."""
    ours = Middleware(SegmentMiddleware, analytics=analytics)
    leaf = Route("/n/{b}", hello, middleware=[ours] if placement == "route" else None)
    if placement == "app":
        mount = Mount("/m/{a}", app=Starlette(routes=[leaf], middleware=[ours]))
    else:
        mount = Mount(
            "/m/{a}", routes=[leaf], middleware=[ours] if placement == "mount" else None
        )
    visit(Starlette(routes=[mount]), "/m/1/n/2", root_path="/proxy")

    assert ["/m/{a}/n/{b}"] == [one["properties"]["route"] for one in recorder.pages]
    assert "/proxy/m/1/n/2" == recorder.pages[0]["properties"]["path"]


def test_rt_1_websockets(analytics):
    """RT-1: the events of a websocket can know its route as well."""
    contexts = []
    app = instrumented(
        Starlette(routes=routes()),
        "added",
        analytics,
        inner=[partial(Spy, contexts=contexts)],
    )
    incoming = [{"type": "websocket.connect"}]
    anyio.run(serve, app, websocket_scope_of("/socket/5"), incoming)

    assert "/socket/{room}" == contexts[0].routing.template
    assert {"room": "5"} == contexts[0].routing.params


class Bare(BaseRoute):
    """A route of someone's own, with nothing that we could read."""

    def matches(self, scope):
        return Match.FULL, {}

    async def handle(self, scope, receive, send):
        await page()(scope, receive, send)


class BareGroup(Bare):
    routes = ()


class Raising(Bare):
    @property
    def path(self):
        raise RuntimeError("no path here")


@pytest.mark.parametrize("route", [Bare(), BareGroup()])
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_2_a_route_without_a_path(analytics, recorder, caplog, route, placement):
    """RT-2: the response is as without us, and the route is absent."""
    app = instrumented(Starlette(routes=[route]), placement, analytics)
    sent = visit(app, "/any")

    assert 200 == status_of(sent)
    assert "route" not in recorder.pages[0]["properties"]
    assert [] == caplog.records


def test_rt_2_a_route_that_raises(analytics, recorder, caplog):
    """RT-2: what raises when it is read is logged once, by its type."""
    app = instrumented(Starlette(routes=[Raising()]), "added", analytics)
    with caplog.at_level(logging.ERROR):
        assert 200 == status_of(visit(app, "/any"))
        assert 200 == status_of(visit(app, "/other"))

    assert "route" not in recorder.pages[1]["properties"]
    (record,) = caplog.records
    assert "routing failed with RuntimeError" in record.getMessage()


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_3_one_route_one_name(analytics, recorder, placement):
    """RT-3: a thousand addresses of one route have one name."""
    leaf = Route("/n/{b}", hello)
    app = instrumented(
        Starlette(routes=[Mount("/m/{a}", routes=[leaf])]), placement, analytics
    )

    async def many():
        for number in range(1000):
            await serve(app, scope_of(f"/m/{number}/n/{number}"))

    anyio.run(many)

    assert 1000 == len(recorder.pages)
    assert {"/m/{a}/n/{b}"} == {one["properties"]["route"] for one in recorder.pages}
    assert {"/m/{a}/n/{b}"} == {one["name"] for one in recorder.pages}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_rt_4_nothing_grows(analytics, recorder, placement):
    """RT-4: requests leave nothing behind and nest no deeper."""
    depths = set()

    async def endpoint(request):
        frame, depth = sys._getframe(), 0
        while frame is not None:
            frame, depth = frame.f_back, depth + 1
        depths.add(depth)
        track("Seen", {"n": 1})
        return HTMLResponse("<p>Hello")

    mount = Mount("/m/{a}", routes=[Route("/n/{b}", endpoint)])
    app = instrumented(Starlette(routes=[mount]), placement, analytics)

    async def many(start, stop):
        for number in range(start, stop):
            headers = {"referer": f"http://shop.example/m/{number}/n/1"}
            await serve(app, scope_of(f"/m/{number}/n/2", headers=headers))
            recorder.clear()

    async def measured():
        await many(0, 200)
        gc.collect()
        objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
        await many(200, 200 + REQUESTS)
        gc.collect()
        return len(gc.get_objects()) - objects, sys.getallocatedblocks() - blocks

    objects, blocks = anyio.run(measured)

    assert 1 == len(depths)
    assert objects < REQUESTS / 10
    assert blocks < REQUESTS / 2


def test_rt_7_a_wrong_method_behind_a_copied_scope(analytics):
    """RT-7: the route of a 405 is that which has the path, as in the router."""
    contexts = []
    routes = [Route("/n/{b}", hello), Route("/{any}/{b}", hello)]
    app = instrumented(
        Starlette(routes=routes),
        "added",
        analytics,
        inner=[partial(Spy, contexts=contexts), Copying],
    )
    sent = visit(app, "/n/2", method="POST")

    assert 405 == status_of(sent)
    assert "/n/{b}" == contexts[0].routing.template


class NamesItself:
    """An application whose `app` is no inner one."""

    def __init__(self):
        self.app = self

    async def __call__(self, scope, receive, send):
        await page()(scope, receive, send)


def test_an_app_that_names_itself(analytics, recorder):
    """What is inside of a wrapper is looked for a bounded number of times."""
    assert 200 == status_of(visit(SegmentMiddleware(NamesItself(), analytics), "/"))
    assert "route" not in recorder.pages[0]["properties"]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("path", ["/m/1/n/2", "/plain/2"])
def test_rt_7_a_middleware_that_copies_the_scope(analytics, recorder, placement, path):
    """RT-7: matching finds the route, and the holder brings the identity."""

    async def endpoint(request):
        set_user("user-1")
        return HTMLResponse("<p>Hello")

    app = instrumented(
        Starlette(
            routes=[
                Mount("/m/{a}", routes=[Route("/n/{b}", endpoint)]),
                Route("/plain/{b}", endpoint),
            ]
        ),
        placement,
        analytics,
        inner=[Copying],
    )
    visit(app, path)

    (found,) = recorder.pages
    assert "user-1" == found["userId"]
    expected = {"/m/1/n/2": "/m/{a}/n/{b}", "/plain/2": "/plain/{b}"}
    assert expected[path] == found["properties"]["route"]


def test_rt_6_an_event_before_the_router_knows_the_route(analytics, recorder):
    """RT-6: a middleware that tracks before routing gives the template by matching."""

    class Early:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            self.template = current().routing.template
            track("Early", {"template": self.template})
            await self.app(scope, receive, send)

    app = instrumented(
        Starlette(routes=[Route("/n/{b}", hello)]), "added", analytics, inner=[Early]
    )
    visit(app, "/n/2")

    assert "/n/{b}" == recorder.tracks[0]["properties"]["template"]


def test_the_view_its_name_and_its_marks(analytics, recorder):
    """`page_name` and `no_page` hold, and classes are views as well."""

    @page_name("Product")
    def named(request):
        return HTMLResponse("<p>Hello")

    @no_page
    def silent(request):
        return HTMLResponse("<p>Hello")

    class View(HTTPEndpoint):
        async def get(self, request):
            return HTMLResponse("<p>Hello")

    app = instrumented(
        Starlette(
            routes=[
                Route("/named", named),
                Mount("/m", routes=[Route("/silent", silent)]),
                Route("/class", View),
            ]
        ),
        "added",
        analytics,
    )
    for path in ("/named", "/m/silent", "/class"):
        visit(app, path)

    assert ["Product", "/class"] == [one["name"] for one in recorder.pages]
    assert ["named", "View"] == [one["properties"]["view"] for one in recorder.pages]


def test_static_files_are_no_pages(analytics, recorder, tmp_path):
    """An HTML file below a mount of static files is the framework's own."""
    (tmp_path / "help.html").write_text("<p>Help")
    files = StaticFiles(directory=tmp_path)
    app = Starlette(routes=[Mount("/a", files), Mount("/b", Copying(files))])
    app = instrumented(app, "added", analytics)

    assert [200, 200] == [status_of(visit(app, f"/{one}/help.html")) for one in "ab"]
    assert [] == recorder.pages


def test_a_secret_in_a_referrer_of_this_site_is_masked(analytics, recorder):
    """The referrer's own route tells which of its parts are secrets."""
    app = instrumented(
        Starlette(
            routes=[
                Mount("/m/{a}", routes=[Route("/reset/{token}", hello)]),
                Route("/done", hello),
            ]
        ),
        "added",
        analytics,
    )
    for root_path in ("", "/proxy"):
        referer = f"http://shop.example{root_path}/m/1/reset/s3cr3t"
        visit(app, "/done", headers={"referer": referer}, root_path=root_path)
        visit(app, "/m/1/reset/s3cr3t", root_path=root_path)

    assert 4 == len(recorder.pages)
    assert "/m/1/reset/" in recorder.pages[0]["properties"]["referrer"]
    assert "s3cr3t" not in str(recorder)


# -- who is signed in -----------------------------------------------------------------


def signed_in_cookie(data):
    """The session cookie of Starlette's middleware with *data* in it."""

    def login(request):
        request.session.update(data)
        return HTMLResponse("ok")

    app = Starlette(
        routes=[Route("/login", login)],
        middleware=[Middleware(SessionMiddleware, secret_key="s")],
    )
    sent = visit(app, "/login")
    return dict(headers_of(sent))["set-cookie"].partition(";")[0]


@pytest.mark.parametrize("is_outside", [False, True])
@pytest.mark.parametrize(
    ("settings", "data", "expected"),
    [
        ({}, {"user_id": 7}, "7"),
        ({}, {"user_id": "u-1", "other": 1}, "u-1"),
        ({}, {"account": "a-1"}, None),
        ({"session_key": "account"}, {"account": "a-1", "user_id": 7}, "a-1"),
        ({"identity": "resolved"}, {"user_id": 7}, None),
        ({"identity": "eager"}, {"user_id": 7}, "7"),
    ],
)
def test_the_session_tells_who_is_signed_in(
    recorder, is_outside, settings, data, expected
):
    """A session is read inside or outside of ours, with no `Vary: Cookie` of ours."""
    app = Starlette(routes=[Route("/", hello)])
    with Analytics("k", sink=recorder, **settings) as analytics:
        if not is_outside:
            app.add_middleware(SessionMiddleware, secret_key="s")
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        if is_outside:
            app.add_middleware(SessionMiddleware, secret_key="s")
        cookie = f"{signed_in_cookie(data)}; ajs_anonymous_id=visitor-1"
        sent = visit(app, "/", headers={"cookie": cookie})

    assert expected == recorder.pages[0].get("userId")
    assert "vary" not in dict(headers_of(sent))


def test_login_and_logout_in_the_request_count_at_once(analytics, recorder):
    """What the session says when an event is made is what the event carries."""

    def login(request):
        track("Before")
        request.session["user_id"] = "user-1"
        track("After")
        return HTMLResponse("ok")

    def logout(request):
        request.session.clear()
        track("Left")
        return HTMLResponse("ok")

    app = Starlette(routes=[Route("/login", login), Route("/logout", logout)])
    app.add_middleware(SessionMiddleware, secret_key="s")
    app.add_middleware(SegmentMiddleware, analytics=analytics)
    client = TestClient(app, cookies={"ajs_anonymous_id": "visitor-1"})
    client.get("/login", headers=BROWSER_HEADERS)
    client.get("/logout", headers=BROWSER_HEADERS)

    users = [one.get("userId") for one in recorder]
    assert [None, "user-1", "user-1", None, None] == users


class OwnUser(BaseUser):
    """An application's user; `identity` is abstract and raises."""

    def __init__(self, pk):
        self.pk = pk

    @property
    def is_authenticated(self):
        return True


class Backend(AuthenticationBackend):
    def __init__(self, user):
        self.user = user

    async def authenticate(self, connection):
        return AuthCredentials(["authenticated"]), self.user


class Anonymous(AuthenticationBackend):
    async def authenticate(self, connection):
        return None


@pytest.mark.parametrize("is_outside", [False, True])
@pytest.mark.parametrize("identity", ["session", "resolved"])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (Backend(SimpleUser("ada")), "ada"),
        (Backend(OwnUser(0)), "0"),
        (Backend(OwnUser(None)), None),
        (Anonymous(), None),
    ],
)
def test_the_user_of_the_authentication_middleware(
    recorder, is_outside, identity, backend, expected
):
    """An authenticated user counts, wherever the middleware is."""
    app = Starlette(routes=[Route("/", hello)])
    with Analytics("k", sink=recorder, identity=identity) as analytics:
        if not is_outside:
            app.add_middleware(AuthenticationMiddleware, backend=backend)
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        if is_outside:
            app.add_middleware(AuthenticationMiddleware, backend=backend)
        visit(app, "/")

    assert expected == recorder.pages[0].get("userId")


def test_the_user_setting_is_given_starlettes_request(recorder):
    """The `user` setting wins, and reads headers as the application does."""
    users = {"token-1": "user-1"}

    def user(request):
        return users.get(request.headers.get("x-token"))

    app = Starlette(routes=[Route("/", hello)])
    app.add_middleware(SessionMiddleware, secret_key="s")
    with Analytics("k", sink=recorder, user=user) as analytics:
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        visit(app, "/", headers={"x-token": "token-1"})

    assert "user-1" == recorder.pages[0]["userId"]


class SetsUser(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


@pytest.mark.parametrize("is_outside", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
def test_ctx_2_base_http_middleware(analytics, recorder, is_outside, is_async):
    """CTX-2: a user set in the endpoint is the page's, in spite of other tasks."""

    def endpoint(request):
        set_user("user-1")
        return HTMLResponse("<p>Hello")

    async def async_endpoint(request):
        return endpoint(request)

    app = Starlette(routes=[Route("/", async_endpoint if is_async else endpoint)])
    if not is_outside:
        app.add_middleware(SetsUser)
    app.add_middleware(SegmentMiddleware, analytics=analytics)
    if is_outside:
        app.add_middleware(SetsUser)
    sent = visit(app, "/")

    assert 200 == status_of(sent)
    assert ["user-1"] == [one["userId"] for one in recorder.pages]


def test_ctx_5_a_mounted_app_and_its_parent(analytics, recorder):
    """CTX-5: both have the middleware, and there is one holder and one page."""
    holders = []

    def endpoint(request):
        holders.append(current())
        set_user("user-1")
        return HTMLResponse("<p>Hello")

    with Analytics("other", sink=(inner := Recorder())) as other:
        sub = Starlette(routes=[Route("/n/{b}", endpoint)])
        sub.add_middleware(SegmentMiddleware, analytics=other)
        app = Starlette(routes=[Mount("/m", sub)])
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        visit(app, "/m/n/1")

    assert 1 == len(holders)
    assert [] == inner
    assert ["user-1"] == [one["userId"] for one in recorder.pages]
    assert "/m/n/{b}" == recorder.pages[0]["name"]


def test_background_tasks_know_the_identity(analytics, recorder):
    """A background task is the request's, sync or async."""

    def work(event):
        track(event)

    async def async_work():
        work("Async Done")

    def endpoint(request):
        set_user("user-1")
        return HTMLResponse("<p>Hello", background=BackgroundTask(work, "Done"))

    async def async_endpoint(request):
        set_user("user-2")
        return HTMLResponse("<p>Hello", background=BackgroundTask(async_work))

    app = Starlette(routes=[Route("/", endpoint), Route("/async", async_endpoint)])
    app.add_middleware(SegmentMiddleware, analytics=analytics)
    visit(app, "/")
    visit(app, "/async")

    found = [(one["event"], one["userId"]) for one in recorder.tracks]
    assert [("Done", "user-1"), ("Async Done", "user-2")] == found
    assert current() is None


def test_the_anonymous_cookie_beside_the_applications_own(recorder):
    """The visitor's new id is the page's, and no cookie of the application is lost."""

    def endpoint(request):
        response = HTMLResponse("<p>Hello")
        response.set_cookie("theme", "dark")
        return response

    app = Starlette(routes=[Route("/", endpoint), Route("/gone", logout)])
    with Analytics("k", sink=recorder, anonymous_cookie=True) as analytics:
        app.add_middleware(SegmentMiddleware, analytics=analytics)
        client = TestClient(app, headers=BROWSER_HEADERS)
        client.get("/")
        minted = client.cookies["ajs_anonymous_id"]
        client.get("/")
        assert minted == client.cookies["ajs_anonymous_id"]
        client.get("/gone", follow_redirects=False)

    assert "dark" == client.cookies["theme"]
    assert [minted, minted] == [one["anonymousId"] for one in recorder.pages]
    assert minted != client.cookies["ajs_anonymous_id"]


def logout(request):
    reset()
    return RedirectResponse("/")


# -- setting it up --------------------------------------------------------------------


def test_settings_in_place_of_analytics(segment_events):
    """The middleware makes its own `Analytics` of the settings it is given."""

    def endpoint(request):
        analytics = analytics_from(request)
        analytics.track("Seen")
        return HTMLResponse(str(analytics.settings.flush_at))

    app = Starlette(routes=[Route("/", endpoint)])
    app.add_middleware(SegmentMiddleware, write_key="k", flush_at=7)
    client = TestClient(app, cookies={"ajs_anonymous_id": "visitor-1"})

    assert "7" == client.get("/", headers=BROWSER_HEADERS).text
    segment_events.assert_tracked("Seen", anonymous_id="visitor-1")
    segment_events.assert_page("/")


WRONG = [
    {"flush_at": "many"},
    {"flsh_at": 7},
    {"analytics": None, "flush_at": 7},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_settings_fail_when_the_application_starts(analytics, wrong):
    """Around the app at once; added to it in the lifespan, else in each request."""
    if "analytics" in wrong:
        wrong = {**wrong, "analytics": analytics}
    app = Starlette(routes=[Route("/", hello)])
    with pytest.raises(ConfigurationError):
        SegmentMiddleware(app, **wrong)
    app.add_middleware(SegmentMiddleware, **wrong)

    with pytest.raises(ConfigurationError):
        TestClient(app).__enter__()
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            TestClient(app).get("/")
    assert caught.value.setting in {"flush_at", "flsh_at"}


@pytest.mark.anyio
async def test_wrong_settings_are_told_to_the_server():
    """`lifespan.startup.failed` says what is wrong; an exception alone would not."""
    app = Starlette(routes=[Route("/", hello)])
    app.add_middleware(SegmentMiddleware, flush_at="many")
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message)

    with pytest.raises(ConfigurationError):
        await app({"type": "lifespan", "state": {}}, receive, send)

    (message,) = sent
    assert "lifespan.startup.failed" == message["type"]
    assert message["message"].startswith("ConfigurationError: flush_at must be")


def test_switched_off_it_passes_everything_on():
    """With `enabled=False` the application's own `send` is the server's."""
    app = Starlette(routes=[Route("/", hello)])
    app.add_middleware(SegmentMiddleware, enabled=False)

    sent = visit(app, "/")

    assert 200 == status_of(sent)
    assert HTML.items() <= dict(headers_of(sent)).items()


def test_without_the_middleware_there_is_the_default(recorder):
    """`analytics_from` falls back to the default one."""
    found = []

    def endpoint(request):
        found.append(analytics_from(request))
        return HTMLResponse("ok")

    app = Starlette(routes=[Route("/", endpoint)])
    with Analytics("k", sink=recorder) as analytics:
        visit(app, "/")

    assert found[0] is analytics
