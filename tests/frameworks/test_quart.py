"""What is peculiar to Quart: routes, who is signed in, sockets, streams, servers."""

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgi_visits import (
    LIFESPAN,
    REQUESTS,
    Copying,
    Recorder,
    headers_of,
    lifespan_scope,
    page,
    scope_of,
    serve,
    status_of,
    visit,
    websocket_scope_of,
)
from quart import (
    Blueprint,
    Quart,
    abort,
    request,
    session,
    stream_with_context,
    websocket,
)
from quart.views import MethodView
from quart_auth import AuthUser, QuartAuth, current_user, login_user, logout_user
from server_programs import UVICORN, loses_nothing

from segment_integrations import (
    Analytics,
    current,
    no_page,
    page_name,
    propagate,
    set_user,
    track,
)
from segment_integrations.errors import ConfigurationError
from segment_integrations.quart import SegmentMiddleware, analytics_from, lifespan

pytestmark = pytest.mark.usefixtures("nothing_left")

PLACEMENTS = ("asgi_app", "around")


def made(name="shop"):
    app = Quart(name)
    app.secret_key = "a" * 32
    return app


def instrumented(app, analytics, placement="asgi_app"):
    if placement == "around":
        return SegmentMiddleware(app, analytics)
    app.asgi_app = SegmentMiddleware(app.asgi_app, analytics)
    return app


@pytest.fixture(name="app")
def _app(analytics):
    return instrumented(made(), analytics)


async def hello(**_):
    return "<p>Hello"


ROUTES = [
    # the rule, a path, the status, the right answer
    ("/", "/", 200, "/"),
    ("/items/<int:id>", "/items/7", 200, "/items/{id}"),
    ("/files/<path:rest>", "/files/a/b.txt", 200, "/files/{rest}"),
    ("/any/<any(a,b):kind>", "/any/a", 200, "/any/{kind}"),
    ("/slash/", "/slash", 308, None),
    ("/items/<int:id>", "/items/x", 404, None),
]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("root_path", ["", "/proxy"])
@pytest.mark.parametrize("row", ROUTES, ids=str)
def test_rt_1_the_route_is_its_whole_template(
    analytics, recorder, placement, root_path, row
):
    """RT-1, RT-5: rules, root path and placement give one normal form."""
    rule, path, status, expected = row
    app, contexts = made(), []
    blueprint = Blueprint("shop", "shop", url_prefix="/<tenant>")
    for one in (app, blueprint):
        one.add_url_rule(rule, "hello", hello)
    app.register_blueprint(blueprint)
    app.before_request(lambda: contexts.append(current()))
    outer = instrumented(app, analytics, placement)
    for prefix, template in (("", ""), ("/acme", "/{tenant}")):
        contexts.clear()
        sent = visit(outer, prefix + path, root_path=root_path)
        whole = None if expected is None else template + expected
        if (prefix, expected) == ("", None) and status == 404:
            continue  # "/items" is a tenant to the blueprint's own rules
        assert status == status_of(sent)
        assert whole == contexts[0].routing.template
        if status == 200:
            properties = recorder.pages[-1]["properties"]
            assert whole == properties["route"]
            assert root_path + prefix + path == properties["path"]


def test_rt_1_a_wrong_method_and_a_mount(app, recorder):
    """A 405 has no route, and a view of a class is named as any other."""

    class Product(MethodView):
        async def get(self, slug):
            return "<p>Hello"

    app.add_url_rule("/p/<slug>", view_func=Product.as_view("product"))
    assert 405 == status_of(visit(app, "/p/teapot", method="POST"))
    assert 200 == status_of(visit(app, "/p/teapot"))
    (found,) = recorder.pages
    assert ("/p/{slug}", "product") == (found["name"], found["properties"]["view"])


def test_rt_3_rt_4_one_name_and_nothing_grows(app, recorder):
    """A route has one name, and requests leave nothing behind."""

    @app.get("/n/<b>")
    async def view(b):
        track("Seen", {"n": 1})
        return "<p>Hello"

    names = set()

    async def many(start, stop):
        for number in range(start, stop):
            headers = {"referer": f"http://shop.example/n/{number}"}
            await serve(app, scope_of(f"/n/{number}", headers=headers))
            names.update(one["name"] for one in recorder.pages)
            recorder.clear()

    async def measured():
        await many(0, 300)
        gc.collect()
        objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
        await many(300, 300 + REQUESTS)
        gc.collect()
        return len(gc.get_objects()) - objects, sys.getallocatedblocks() - blocks

    objects, blocks = asyncio.run(measured())
    assert {"/n/{b}"} == names
    # Of referrers, one for each request, 1,024 addresses are kept at the most.
    kept = min(REQUESTS, 1_024)
    assert objects < kept * 4
    assert blocks < kept * 16


def test_rt_7_a_middleware_that_copies_the_scope(analytics, recorder):
    """Route and identity arrive through a copy as well."""
    app = made()

    @app.get("/n/<b>")
    async def view(b):
        set_user("user-1")
        return "<p>Hello"

    app.asgi_app = SegmentMiddleware(Copying(app.asgi_app), analytics)
    visit(app, "/n/2")
    (found,) = recorder.pages
    assert ("user-1", "/n/{b}") == (found["userId"], found["name"])


def test_marks_and_static_files(app, recorder, tmp_path):
    """`page_name` and `no_page` hold, and static files are Quart's own."""
    (tmp_path / "help.html").write_text("<p>Help")
    app.static_folder = tmp_path

    @app.get("/named")
    @page_name("Product")
    async def named():
        return "<p>Hello"

    @app.get("/silent")
    @no_page
    async def silent():
        return "<p>Hello"

    statuses = [
        status_of(visit(app, path))
        for path in ("/named", "/silent", "/static/help.html")
    ]
    assert [200, 200, 200] == statuses
    assert ["Product"] == [one["name"] for one in recorder.pages]


def test_a_secret_in_a_referrer_of_this_site_is_masked(app, recorder):
    """The referrer's own route tells which of its parts are secrets."""
    app.add_url_rule("/reset/<token>", view_func=hello)
    app.add_url_rule("/done", "done", hello)
    for root_path in ("", "/proxy"):
        referer = f"http://shop.example{root_path}/reset/s3cr3t"
        visit(app, "/done", headers={"referer": referer}, root_path=root_path)
    assert 2 == len(recorder.pages)
    assert "s3cr3t" not in str(recorder.pages)


# -- who is signed in ------------------------------------------------------------------


def cookie_of(sent):
    (value,) = [v for name, v in headers_of(sent) if name == "set-cookie"]
    return value.partition(";")[0]


def test_the_session_is_read_without_a_mark(app, recorder):
    """A page that never looks at the session has its user, and no other headers."""

    @app.get("/in")
    async def sign_in():
        session["user_id"] = 7
        return ""

    app.add_url_rule("/", view_func=hello)
    cookie = cookie_of(visit(app, "/in"))
    recorder.clear()
    sent = visit(app, "/", headers={"cookie": cookie})

    assert ["7"] == [one["userId"] for one in recorder.pages]
    # Since Quart 0.23 there is a `Vary`, and it is Quart's own.
    bare = visit(app.asgi_app.app, "/", headers={"cookie": cookie})
    assert headers_of(bare) == headers_of(sent)
    assert "set-cookie" not in dict(headers_of(sent))


def auth_app(analytics, **settings):
    app = instrumented(made(), analytics)
    auth = QuartAuth(app, cookie_secure=False, **settings)

    @app.get("/")
    async def index():
        track("Seen")
        return "<p>Hello"

    @app.get("/used")
    async def used():
        assert await current_user.is_authenticated
        track("Seen")
        return "<p>Hello"

    @app.get("/in")
    async def sign_in():
        track("Before")
        login_user(AuthUser("u-new"))
        track("After")
        return "<p>Hello"

    @app.get("/out")
    async def sign_out():
        track("Before")
        logout_user()
        track("After")
        return "<p>Hello"

    return app, auth


def of(messages):
    return {one.get("event", "page"): one.get("userId") for one in messages}


@pytest.mark.parametrize("mode", ["cookie", "bearer"])
@pytest.mark.parametrize("path", ["/", "/used"])
def test_quart_auth_s_user_is_recognised(analytics, recorder, path, mode):
    """By its signed token, whether the view asks for the user or not."""
    app, auth = auth_app(analytics, mode=mode)
    token = auth.dump_token("u-1", app)
    name = {"cookie": f"QUART_AUTH={token}", "authorization": f"Bearer {token}"}
    key = "cookie" if mode == "cookie" else "authorization"
    sent = visit(app, path, headers={key: name[key]})

    assert 200 == status_of(sent)
    assert {"Seen": "u-1", "page": "u-1"} == of(recorder)
    bare = visit(app.asgi_app.app, path, headers={key: name[key]})
    assert headers_of(bare) == headers_of(sent)
    assert "set-cookie" not in dict(headers_of(sent))


def test_a_forged_token_is_nobody_s(analytics, recorder):
    """What Quart-Auth does not accept makes no user."""
    app, _ = auth_app(analytics)
    cookies = "QUART_AUTH=u-1.forged; ajs_anonymous_id=visitor-1"
    visit(app, "/", headers={"cookie": cookies})
    assert {"Seen": None, "page": None} == of(recorder)


def test_login_and_logout_take_effect_at_once(analytics, recorder):
    """Events before and after a change of the user are each its own."""
    app, auth = auth_app(analytics)
    visit(app, "/in")
    assert {"Before": None, "After": "u-new", "page": "u-new"} == of(recorder)

    recorder.clear()
    token = auth.dump_token("u-old", app)
    cookies = f"QUART_AUTH={token}; ajs_anonymous_id=visitor-1"
    visit(app, "/out", headers={"cookie": cookies})
    assert {"Before": "u-old", "After": None, "page": None} == of(recorder)


def test_resolved_asks_quart_auth_only_for_whom_it_has_loaded(recorder):
    """`identity="resolved"` looks at what the request has, and loads nothing."""
    with Analytics("k", sink=recorder, identity="resolved") as analytics:
        app, auth = auth_app(analytics)
        token = auth.dump_token("u-1", app)
        cookies = f"QUART_AUTH={token}; ajs_anonymous_id=visitor-1"
        for path, expected in (("/", None), ("/used", "u-1")):
            recorder.clear()
            visit(app, path, headers={"cookie": cookies})
            # At its end Quart-Auth loads the user itself, which the page call has.
            assert {"Seen": expected, "page": "u-1"} == of(recorder)


@pytest.mark.parametrize("reaches", [True, False])
def test_callables_are_given_a_request_of_quart(recorder, reaches):
    """`user` has Quart's request; where a layer answers first, one of its kind."""
    with Analytics(
        "k", sink=recorder, user=lambda one: one.headers["x-user"] + one.args["a"]
    ) as analytics:
        app = made()
        app.add_url_rule("/", view_func=hello)
        inner = app.asgi_app if reaches else page()
        app.asgi_app = SegmentMiddleware(inner, analytics)
        visit(app, "/", headers={"x-user": "u-"}, query_string=b"a=1")

    assert ["u-1"] == [one["userId"] for one in recorder.pages]


# -- streams, sockets, tasks ---------------------------------------------------------


@pytest.mark.parametrize("kind", ["async", "sync", "with context"])
def test_a_streamed_body_is_its_request_s(app, recorder, kind):
    """A body's events have the identity, and the page is sent at its start."""

    @app.get("/stream")
    async def stream():
        set_user("u1")

        def steps():
            track("Step")
            yield b"one"
            track("Step")

        async def asteps():
            for one in steps():
                yield one

        @stream_with_context
        async def within():
            assert request.path == "/stream"
            for one in steps():
                yield one

        made = {"async": asteps, "sync": steps, "with context": within}[kind]
        return made(), {"Content-Type": "text/html"}

    sent = visit(app, "/stream")
    assert b"one" == b"".join(one.get("body", b"") for one in sent[1:])
    assert ["page", "track", "track"] == sorted(one["type"] for one in recorder)
    assert {"u1"} == {one["userId"] for one in recorder}
    assert current() is None


def test_as_1_an_endless_stream_is_decided_at_its_start(app, recorder, analytics):
    """AS-1: the first chunk arrives at once, and server-sent events are no page."""

    @app.get("/events")
    async def events():
        async def endless():
            while True:
                yield b"data: 1\n\n"
                await asyncio.sleep(0.01)

        return endless(), {"Content-Type": "text/event-stream"}

    async def first():
        got, gone = asyncio.Event(), asyncio.Event()
        incoming = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive():
            if incoming:
                return incoming.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message.get("body"):
                got.set()

        task = asyncio.create_task(app(scope_of("/events"), receive, send))
        await asyncio.wait_for(got.wait(), 10)
        counts = dict(analytics.stats().pages)
        gone.set()
        await asyncio.wait_for(task, 10)
        return counts

    counts = asyncio.run(first())
    assert 1 == sum(counts.values())
    assert [] == recorder.pages


def test_as_5_a_websocket_is_one_identity_and_no_page(app, recorder):
    """AS-5: what is known at the start serves all events of the connection."""
    contexts = []

    @app.websocket("/socket/<room>")
    async def socket(room):
        set_user("u1")
        await websocket.accept()
        contexts.append(current())
        assert analytics_from(websocket) is contexts[0].analytics
        for _ in range(3):
            track("Message", {"text": await websocket.receive()})

    incoming = [{"type": "websocket.connect"}]
    incoming += [{"type": "websocket.receive", "text": one} for one in "abc"]

    sent = asyncio.run(serve(app, websocket_scope_of("/socket/5"), incoming))
    kinds = [one["type"] for one in sent]
    assert ["websocket.accept", "websocket.close"] == kinds
    assert ["u1"] * 3 == [one["userId"] for one in recorder.tracks]
    assert [] == recorder.pages
    assert "/socket/{room}" == contexts[0].routing.template


def test_background_tasks_and_threads(app, recorder):
    """A background task is its request's; a thread is through `propagate`."""

    @app.get("/")
    async def view():
        set_user("u1")

        async def later():
            track("Async")

        app.add_background_task(later)
        app.add_background_task(lambda: track("Sync"))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(propagate(track), "Thread").result()
            assert pool.submit(current).result() is None
        return "<p>Hello"

    async def run():
        sent = await serve(app, scope_of("/"))
        await asyncio.gather(*app.background_tasks)
        return sent

    assert 200 == status_of(asyncio.run(run()))
    names = {one["event"]: one["userId"] for one in recorder.tracks}
    assert dict.fromkeys(["Async", "Sync", "Thread"], "u1") == names


@pytest.mark.parametrize(("path", "status"), [("/breaks", 500), ("/aborts", 403)])
def test_errors_are_as_without_us(analytics, recorder, path, status):
    """What a view raises gives the same answer, and no page."""

    def site():
        one = made()

        @one.get("/breaks")
        async def breaks():
            raise RuntimeError("as it was told to")

        @one.get("/aborts")
        async def aborts():
            abort(403)

        return one

    ours = visit(instrumented(site(), analytics), path)
    assert status == status_of(ours)
    assert ours == visit(site(), path)
    assert [] == recorder.pages


# -- life ----------------------------------------------------------------------------


def test_quart_s_test_client_works(app, segment_events):
    """The framework's own client, with its own way through the application."""
    app.add_url_rule("/p/<slug>", view_func=hello)

    async def run():
        async with app.test_app() as served:
            client = served.test_client()
            headers = {"accept": "text/html", "user-agent": "Mozilla/5.0 Firefox/143.0"}
            headers["cookie"] = "ajs_anonymous_id=visitor-1"
            return await client.get("/p/teapot", headers=headers)

    assert 200 == asyncio.run(run()).status_code
    segment_events.assert_page("/p/{slug}", path="/p/teapot")


@pytest.mark.parametrize("way", ["middleware", "while_serving"])
def test_ls_the_shutdown_drains(way):
    """LS-5: what is queued is out before the server is told that all is done, twice."""

    class Sink(Recorder):
        def flush(self, timeout):
            order.append("drained")
            return True

    order = []
    with Analytics("k", sink=Sink()) as analytics:
        app = made()
        app.after_serving(lambda: order.append("user's"))
        if way == "middleware":
            instrumented(app, analytics)
        else:
            app.while_serving(lifespan(analytics))

        async def run():
            left = list(LIFESPAN)

            async def receive():
                return left.pop(0)

            async def send(message):
                order.append(message["type"])

            await app(lifespan_scope(), receive, send)

        asyncio.run(run())
    drained = order.index("drained")
    assert order.index("lifespan.startup.complete") < drained
    assert drained < order.index("lifespan.shutdown.complete")


def test_wrong_settings_fail_where_the_app_is_made():
    """A wrong or a missing setting raises at once, and names itself."""
    with pytest.raises(ConfigurationError, match="flush_at"):
        SegmentMiddleware(made().asgi_app, write_key="k", flush_at="many")


SERVERS = {
    "uvicorn": UVICORN,
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:0"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_pr_2_sigterm_loses_nothing_and_changes_no_exit_code(serve, collector, name):
    """PR-2: behind real servers what is queued arrives once before the end."""
    arguments = [*SERVERS[name], "quart_served:app"]
    plain = [*SERVERS[name], "quart_served:plain"]
    loses_nothing(serve, collector, arguments, without=plain)
