"""What is peculiar to aiohttp: signals, sub-applications, sockets, streams, tasks."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import aiohttp_session
import pytest
from aiohttp import web
from asgi_visits import BROWSER, Recorder
from server_programs import loses_nothing
from yarl import URL

from segment_integrations import Analytics, current, no_page, page, set_user, track
from segment_integrations.aiohttp import analytics_from, lifespan, setup
from segment_integrations.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("nothing_left")

WAIT_S = 30


def html(text="<p>Hello"):
    return web.Response(text=text, content_type="text/html")


async def shown(_):
    return html()


@asynccontextmanager
async def running(app):
    """Run *app* behind aiohttp's own server, with a client; the base address."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}",
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["User-Agent"],
        ) as client:
            yield client
    finally:
        await runner.cleanup()


def visit(app, *paths, method="GET", headers=None):
    """Let a browser visit the *paths* one after the other, on one connection."""

    async def run():
        found = []
        async with running(app) as client:
            for path in paths or ("/",):
                sent = {**BROWSER, **(headers or {})}
                async with client.request(
                    method, path, headers=sent, allow_redirects=False
                ) as answer:
                    found.append((answer.status, answer.headers, await answer.read()))
        return found

    return asyncio.run(asyncio.wait_for(run(), WAIT_S))


def shop(analytics, routes=None):
    app = web.Application()
    for path, handler in (routes or {"/": shown}).items():
        app.router.add_route("*", path, handler)
    setup(app, analytics)
    return app


# -- routes ---------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["parent", "sub", "both"])
def test_rt_1_the_route_is_its_whole_template(analytics, recorder, where):
    """RT-1: a sub-application's routes have its prefix, wherever we are set up."""
    sub = web.Application()
    sub.router.add_get(r"/items/{item_id:\d+}", shown)
    app = web.Application()
    for name, one in (("parent", app), ("sub", sub)):
        if where in {name, "both"}:
            setup(one, analytics)
    app.add_subapp("/api", sub)
    ((status, _, _),) = visit(app, "/api/items/7")
    assert 200 == status
    (page_call,) = recorder
    assert "/api/items/{item_id}" == page_call["name"]
    assert "/api/items/7" == page_call["properties"]["path"]
    assert {"page": 1} == dict(analytics.stats().pages)


def test_rt_5_a_route_in_other_letters(analytics, recorder):
    """RT-5: a template reads as it was written."""
    visit(shop(analytics, {"/caf\xe9": shown}), "/caf\xe9")
    (page_call,) = recorder.pages
    assert "/caf\xe9" == page_call["name"] == page_call["properties"]["path"]


def test_rt_4_nothing_grows(analytics, recorder):
    """RT-3, RT-4: one name however many requests; no task knows the one before."""
    seen = []

    async def item(_):
        seen.append(current().user_id)
        set_user("u-1")
        return html()

    paths = [f"/items/{number}" for number in range(20)]
    visit(shop(analytics, {"/items/{item_id}": item}), *paths)
    assert {"/items/{item_id}"} == {one["name"] for one in recorder.pages}
    assert [None] * 20 == seen


def test_marks_views_and_static_files(analytics, recorder, tmp_path):
    """A mark counts on a handler, a class-based view and its method."""

    class Page(web.View):
        async def get(self):
            return html()

    class Widget(web.View):
        @no_page
        async def get(self):
            return html()

    (tmp_path / "page.html").write_text("<p>static")
    app = shop(analytics, {"/page": Page, "/widget": Widget, "/no": no_page(shown_too)})
    app.router.add_static("/static", tmp_path)
    answers = visit(app, "/page", "/widget", "/no", "/static/page.html")
    assert [200] * 4 == [status for status, _, _ in answers]
    (page_call,) = recorder.pages
    assert "Page" == page_call["properties"]["view"]
    assert {"page": 1, "excluded_view": 3} == dict(analytics.stats().pages)


async def shown_too(_):
    return html()


def test_what_is_no_route_is_no_page(analytics, recorder):
    """A 404 and a 405, which aiohttp raises itself, are counted as such."""
    answers = visit(shop(analytics), "/nowhere")
    app = web.Application()
    app.router.add_get("/", shown)
    setup(app, analytics)
    answers += visit(app, "/", method="POST")
    assert [404, 405] == [status for status, _, _ in answers]
    assert [] == recorder
    assert {"status": 1, "method": 1} == dict(analytics.stats().pages)


@pytest.mark.parametrize("secret", ["s3cret", "caf%C3%A9", "%ff%fe"])
def test_pv_1_a_secret_is_masked_in_whatever_letters(analytics, recorder, secret):
    """PV-1: in the path, and in the referrer of the page after it."""

    def site():
        sub = web.Application()
        sub.router.add_get("/reset/{token}/", shown)
        sub.router.add_get("/done", shown)
        app = web.Application()
        app.add_subapp("/my", sub)
        setup(app, analytics)
        return app

    referrer = f"http://shop.example/my/reset/{secret}/?q=1"
    visit(site(), URL(f"/my/reset/{secret}/", encoded=True))
    visit(site(), "/my/done", headers={"referer": referrer})
    first, second = recorder.pages
    assert "/my/reset/***/" == first["properties"]["path"]
    assert "http://shop.example/my/reset/***/" == second["properties"]["referrer"]


def test_pv_1_a_secret_with_a_slash_is_masked(analytics, recorder):
    """PV-1: an encoded slash in a secret does not keep it from being found."""
    path = URL("/reset/a%2Fb/", encoded=True)
    visit(shop(analytics, {"/reset/{token}/": shown}), path)
    (page_call,) = recorder.pages
    assert "/reset/***/" == page_call["properties"]["path"]


@pytest.mark.parametrize("host", ["shop.example", "other.example"])
def test_pv_1_a_domain_s_own_routes_mask_the_referrer(analytics, recorder, host):
    """PV-1: the routes of `add_domain` count on their own host only."""
    sub = web.Application()
    sub.router.add_get("/reset/{token}", shown)
    sub.router.add_get("/done", shown)
    app = web.Application()
    app.add_domain("shop.example", sub)
    app.router.add_get("/done", shown)
    setup(app, analytics)
    referrer = f"http://{host}/reset/s3cret"
    visit(app, "/done", headers={"host": host, "referer": referrer})
    (page_call,) = recorder.pages
    assert ("s3cret" in str(page_call)) == (host == "other.example")


# -- responses ------------------------------------------------------------------------


def test_a_raised_response_is_a_response(analytics, recorder):
    """`HTTPException` is how aiohttp redirects and refuses; a page may be raised."""

    async def leave(_):
        track("Left")
        raise web.HTTPFound("/")

    async def raised(_):
        raise web.HTTPOk(text="<p>raised", content_type="text/html")

    answers = visit(shop(analytics, {"/leave": leave, "/ok": raised}), "/leave", "/ok")
    assert [302, 200] == [status for status, _, _ in answers]
    assert ["Left"] == [one["event"] for one in recorder.tracks]
    assert ["/ok"] == [one["name"] for one in recorder.pages]
    assert {"status": 1, "page": 1} == dict(analytics.stats().pages)


def test_an_error_page_of_an_outer_middleware_is_seen(analytics, recorder):
    """The response that is looked at is the one that is sent."""

    @web.middleware
    async def rescue(request, handler):
        try:
            return await handler(request)
        except LookupError:
            return html("<p>sorry")

    async def fails(_):
        set_user("u-1")
        raise LookupError

    app = web.Application(middlewares=[rescue])
    app.router.add_get("/", fails)
    setup(app, analytics)
    assert [200] == [status for status, _, _ in visit(app)]
    (page_call,) = recorder.pages
    assert "u-1" == page_call["userId"]


def test_errors_are_as_without_us(analytics, recorder, caplog):
    """AS-3: an exception reaches aiohttp, with one frame of ours."""

    async def fails(_):
        raise LookupError

    ((status, _, body),) = visit(shop(analytics, {"/": fails}))
    assert (500, True) == (status, b"500 Internal Server Error" in body)
    (record,) = [one for one in caplog.records if one.name == "aiohttp.server"]
    frames, trace = [], record.exc_info[2]
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    assert 1 == sum("segment_integrations/aiohttp" in one for one in frames)
    assert {"status": 1} == dict(analytics.stats().pages)


def test_as_1_a_stream_is_decided_at_its_start(analytics, recorder):
    """AS-1: the first chunk is there while the handler goes on, and so is the page."""

    async def scenario():
        go_on = asyncio.Event()

        async def stream(request):
            response = web.StreamResponse(headers={"Content-Type": "text/html"})
            await response.prepare(request)
            await response.write(b"<p>")
            await go_on.wait()
            track("Streamed")
            return response

        async with (
            running(shop(analytics, {"/": stream})) as client,
            client.get("/", headers=BROWSER) as answer,
        ):
            assert b"<p>" == await answer.content.readany()
            assert 1 == len(recorder)
            go_on.set()
            await answer.read()

    asyncio.run(asyncio.wait_for(scenario(), WAIT_S))
    assert ["page", "track"] == [one["type"] for one in recorder]


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream"])
def test_a_generator_body_has_its_request(analytics, recorder, kind):
    """A body that aiohttp draws after the middlewares carries the user; SSE no page."""
    after = []

    async def body():
        track("Drawn")
        yield b"data: 1\n\n"

    async def stream(_):
        set_user("u-1")
        return web.Response(body=body(), content_type=kind)

    async def other(_):
        after.append(current().user_id)
        return html()

    visit(shop(analytics, {"/": stream, "/other": other}), "/", "/other")
    assert ["u-1"] == [one["userId"] for one in recorder.tracks]
    assert [None] == after
    assert (2 if kind == "text/html" else 1) == len(recorder.pages)


def test_as_5_a_websocket_is_one_identity_and_no_page(analytics, recorder):
    """AS-5: three messages are three events of one user."""

    async def talk(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        set_user("u-1")
        async for message in ws:
            track("Said", {"text": message.data})
            await ws.send_str("heard")
        return ws

    async def scenario():
        async with (
            running(shop(analytics, {"/": talk})) as client,
            client.ws_connect("/", headers=BROWSER) as ws,
        ):
            for number in range(3):
                await ws.send_str(str(number))
                assert "heard" == await ws.receive_str()

    asyncio.run(asyncio.wait_for(scenario(), WAIT_S))
    assert ["track"] * 3 == [one["type"] for one in recorder]
    assert {"u-1"} == {one["userId"] for one in recorder}
    assert {} == dict(analytics.stats().pages)


def test_as_2_a_handler_that_is_cancelled(analytics, recorder, caplog):
    """AS-2: a client that leaves ends the handler; there is no page and no log."""

    async def scenario():
        has_begun, is_cancelled = asyncio.Event(), asyncio.Event()

        async def waits(_):
            has_begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                is_cancelled.set()
                raise

        runner = web.AppRunner(shop(analytics, {"/": waits}), handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        _, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        await has_begun.wait()
        writer.close()
        await is_cancelled.wait()
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(scenario(), WAIT_S))
    assert [] == recorder
    assert {} == dict(analytics.stats().pages)
    assert [] == [one for one in caplog.records if one.levelno > logging.INFO]


# -- who is signed in ------------------------------------------------------------------


USERS = {
    "object": SimpleNamespace(id=7),
    "dict": {"id": 7},
    "text": "7",
    "nobody": None,
    "anonymous": SimpleNamespace(id=7, is_authenticated=False),
}


@pytest.mark.parametrize("kind", USERS)
def test_the_user_that_a_middleware_has_resolved(analytics, recorder, kind):
    """What a middleware of the application leaves in `request["user"]` is who it is."""

    @web.middleware
    async def resolve(request, handler):
        request["user"] = USERS[kind]
        return await handler(request)

    app = web.Application(middlewares=[resolve])
    app.router.add_get("/", shown)
    setup(app, analytics)
    visit(app)
    (page_call,) = recorder.pages
    known = kind in {"object", "dict", "text"}
    assert ("7" if known else None) == page_call.get("userId")


class Storage(aiohttp_session.SimpleCookieStorage):
    """A storage that counts how often it is asked."""

    loads = 0

    async def load_session(self, request):
        self.loads += 1
        session = await super().load_session(request)
        session["user_id"] = "u-1"
        session._changed = False
        return session


@pytest.mark.parametrize("loads", [True, False])
def test_the_session_is_read_where_the_handler_has_loaded_it(
    analytics, recorder, loads
):
    """We never load a session, which may ask the network, and never change it."""

    async def handler(request):
        if loads:
            await aiohttp_session.get_session(request)
        track("Seen")
        return html()

    app = web.Application()
    storage = Storage()
    aiohttp_session.setup(app, storage)
    app.router.add_get("/", handler)
    setup(app, analytics)
    ((_, headers, _),) = visit(app)
    assert int(loads) == storage.loads
    assert {"u-1" if loads else None} == {one.get("userId") for one in recorder}
    assert "Set-Cookie" not in headers


def test_the_request_has_its_analytics(analytics):
    """`analytics_from` gives what the calls of the request go to."""
    found = []

    async def handler(request):
        found.append(analytics_from(request))
        page("Named")
        return html()

    visit(shop(analytics, {"/": handler}))
    assert [analytics] == found


# -- life ------------------------------------------------------------------------------


class Draining(Recorder):
    """A sink that tells when it is flushed."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def flush(self, timeout):
        self.order.append("drained")
        return True


@pytest.mark.parametrize("way", ["setup", "lifespan"])
def test_ls_2_the_cleanup_drains(way):
    """LS-2: after the application's own contexts, and also where one of them fails."""
    order = []

    async def own(_):
        yield
        order.append("own")
        raise LookupError

    async def run(app):
        runner = web.AppRunner(app)
        await runner.setup()
        assert [] == order
        await runner.cleanup()

    with Analytics("k", sink=Draining(order)) as analytics:
        app = web.Application()
        if way == "lifespan":
            app.cleanup_ctx.append(lifespan(analytics))
        app.cleanup_ctx.append(own)
        if way == "setup":
            setup(app, analytics)
        with pytest.raises(LookupError):
            asyncio.run(run(app))
        assert ["own", "drained"] == order


def test_wrong_settings_fail_in_setup(analytics):
    """A setting that is none, or beside an `Analytics`, is an error at once."""
    with pytest.raises(ConfigurationError):
        setup(web.Application(), write_key="k", flush_after=3)
    with pytest.raises(ConfigurationError, match="not both"):
        setup(web.Application(), analytics, write_key="k")


def test_pr_2_sigterm_loses_nothing_and_changes_no_exit_code(serve, collector):
    """PR-2: under `web.run_app` what is queued arrives once before it ends."""

    def arguments(kind):
        with socket.create_server(("127.0.0.1", 0)) as free:
            return ["aiohttp_served", kind, str(free.getsockname()[1])]

    loses_nothing(serve, collector, arguments("ours"), without=arguments("plain"))
