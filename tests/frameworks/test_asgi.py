"""The ASGI middleware by itself: messages, errors, contexts, the lifespan."""

import logging
import threading
import traceback
from contextlib import asynccontextmanager
from contextvars import copy_context

import anyio
import anyio.to_thread
import pytest
from asgi_visits import (
    LIFESPAN,
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
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from segment_integrations import Analytics, current, set_user, track
from segment_integrations.asgi import (
    KEY,
    SegmentMiddleware,
    analytics_of,
    lifespan,
)
from segment_integrations.errors import ConfigurationError, TransportError
from segment_integrations.ports import Answer
from segment_integrations.starlette import SegmentMiddleware as ForStarlette
from segment_integrations.waiting import in_thread

pytestmark = pytest.mark.usefixtures("nothing_left")

WAIT_S = 20


class Endpoint:
    """A transport that keeps the names of events, or fails."""

    def __init__(self, before=lambda: None):
        self.events = []
        self.before = before

    def send(self, batch):
        self.before()
        self.events += [one.get("event", one["type"]) for one in batch.messages()]
        return Answer(200)


def unreachable():
    raise TransportError("nobody is there")


def queued(endpoint, **settings):
    """An `Analytics` that sends nothing of its own accord while a test runs."""
    return Analytics("k", transport=endpoint, flush_interval=600.0, **settings)


# -- the lifespan ---------------------------------------------------------------------


class Steps:
    """An application's own lifespan that notes what happens, and may raise."""

    def __init__(self, fails_at=None):
        self.error = ValueError("the application's own")
        self.fails_at = fails_at
        self.steps = []

    def _step(self, name):
        self.steps.append(name)
        track(name, user_id="user-1")
        if name == self.fails_at:
            raise self.error

    @asynccontextmanager
    async def __call__(self, app):
        self._step("up")
        yield {"shop": "open"}
        self._step("down")


INSTALLED = ("middleware", "lifespan", "both")


def started_app(installed, analytics, inner):
    """A Starlette application with the *inner* lifespan and ours."""

    def endpoint(request):
        track("Seen", user_id="user-1")
        return HTMLResponse(request.state.shop)

    wrapped = inner if installed == "middleware" else lifespan(analytics, inner)
    app = Starlette(routes=[Route("/", endpoint)], lifespan=wrapped)
    if installed != "lifespan":
        app.add_middleware(ForStarlette, analytics=analytics)
    return app


@pytest.mark.parametrize("installed", INSTALLED)
def test_ls_1_ls_5_the_state_is_kept_and_it_starts_twice(installed):
    """LS-1, LS-5: the user's state arrives, and each stop delivers what was queued."""
    endpoint, steps = Endpoint(), Steps()
    with queued(endpoint) as analytics:
        app = started_app(installed, analytics, steps)
        for count in (1, 2):
            with TestClient(app) as client:
                assert "open" == client.get("/").text
                assert [] == endpoint.events[3 * (count - 1) :]
            assert ["up", "Seen", "down"] * count == endpoint.events

    assert ["up", "down"] * 2 == steps.steps


@pytest.mark.anyio
@pytest.mark.parametrize("fails_at", ["up", "down"])
@pytest.mark.parametrize("installed", INSTALLED)
async def test_ls_2_the_same_exception_reaches_the_server(installed, fails_at):
    """LS-2: the user's own error comes out, told as failed, and events went out."""
    endpoint, steps = Endpoint(), Steps(fails_at)
    sent, incoming = [], list(LIFESPAN)

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append((message["type"], list(endpoint.events)))

    with queued(endpoint) as analytics:
        app = started_app(installed, analytics, steps)
        with pytest.raises(ValueError, match="own") as caught:
            await app(lifespan_scope(), receive, send)

    assert caught.value is steps.error
    told, delivered = sent[-1]
    at = {"up": "startup", "down": "shutdown"}[fails_at]
    assert f"lifespan.{at}.failed" == told
    assert steps.steps == delivered  # before the server was told


async def refuses(scope, receive, send):
    raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")


async def returns(scope, receive, send):
    return


@pytest.mark.anyio
@pytest.mark.parametrize("app", [refuses, returns])
async def test_ls_3_an_application_that_has_no_lifespan(app):
    """LS-3: where an application serves no lifespan we do, for the drain at its end."""
    endpoint = Endpoint()
    stages = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive():
        return {"type": next(stages)}

    async def send(message):
        sent.append((message["type"], list(endpoint.events)))

    with queued(endpoint) as analytics:
        analytics.track("Queued", user_id="user-1")
        await SegmentMiddleware(app, analytics)(lifespan_scope(), receive, send)

    assert [one for one, _ in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert "Queued" in sent[1][1]


@pytest.mark.anyio
async def test_ls_2_an_application_that_fails_in_its_lifespan():
    """LS-2: an error after the lifespan began is the application's, and stays it."""
    error = RuntimeError("no database")

    async def app(scope, receive, send):
        await receive()
        raise error

    async def receive():
        return {"type": "lifespan.startup"}

    with queued(Endpoint()) as analytics, pytest.raises(RuntimeError) as caught:
        await SegmentMiddleware(app, analytics)(lifespan_scope(), receive, None)

    assert caught.value is error


@pytest.mark.anyio
@pytest.mark.parametrize("inner", [None, Steps()])
async def test_the_explicit_lifespan_alone(inner):
    """`lifespan` gives the inner state on, and drains when the block is left."""
    endpoint = Endpoint()
    with queued(endpoint) as analytics:
        async with lifespan(analytics, inner)(None) as state:
            analytics.track("Inside", user_id="user-1")
            assert [] == endpoint.events
        assert "Inside" in endpoint.events

    assert state == (None if inner is None else {"shop": "open"})


@pytest.mark.segment_live
def test_ls_3_no_lifespan_at_all():
    """LS-3: without lifespan events a request is served, and its event goes out."""
    arrived = threading.Event()
    endpoint = Endpoint(before=arrived.set)

    def view(request):
        track("Seen", user_id="user-1")
        return HTMLResponse("<p>Hello")

    app = Starlette(routes=[Route("/", view)])
    with Analytics("k", transport=endpoint, flush_interval=0.01) as analytics:
        app.add_middleware(ForStarlette, analytics=analytics)
        assert 200 == status_of(visit(app, "/"))
        assert arrived.wait(WAIT_S)


@pytest.mark.anyio
@pytest.mark.parametrize("installed", INSTALLED)
async def test_ls_4_the_loop_is_free_while_events_go_out(installed):
    """LS-4: a delivery that needs the loop to go on gets it."""
    tried, freed = threading.Event(), threading.Event()

    def wait_for_the_loop():
        tried.set()
        assert freed.wait(WAIT_S)

    endpoint = Endpoint(before=wait_for_the_loop)
    with queued(endpoint) as analytics:
        app = started_app(installed, analytics, Steps())

        async def free():
            await anyio.to_thread.run_sync(tried.wait, WAIT_S)
            freed.set()

        async with anyio.create_task_group() as group:
            group.start_soon(free)
            sent = await serve(app, lifespan_scope(), LIFESPAN)

    assert "lifespan.shutdown.complete" == sent[-1]["type"]
    assert ["up", "down"] == endpoint.events


def test_ls_4_an_unreachable_endpoint(caplog):
    """LS-4: the shutdown ends, says once what is left, and keeps it."""
    caplog.set_level(logging.WARNING)
    with queued(Endpoint(before=unreachable)) as analytics:
        app = started_app("both", analytics, Steps())
        sent = anyio.run(serve, app, lifespan_scope(), LIFESPAN)
        assert 2 == analytics.stats().pending_events
        assert 2 == analytics.close(0)

    assert "lifespan.shutdown.complete" == sent[-1]["type"]
    lines = [one.getMessage() for one in caplog.records]
    lines = [line for line in lines if "not sent" in line]
    assert 2 == len(lines)
    assert lines[0].startswith("2 message(s) not sent before the server stopped")
    assert lines[1].startswith("2 message(s) not sent: closed")


def test_ls_4_a_second_drain_waits_for_nothing_new():
    """LS-4: lifespan, middleware and exit share one wait for a silent endpoint."""
    attempts = []
    go_on = threading.Event()

    def silent():
        attempts.append(1)
        go_on.wait(WAIT_S)

    with queued(Endpoint(before=silent)) as analytics:
        analytics.track("Seen", user_id="user-1")
        assert not analytics.drain(0.01)
        assert not analytics.drain(WAIT_S * 10)
        go_on.set()
        assert analytics.flush(WAIT_S)

    assert [1] == attempts


@pytest.mark.anyio
async def test_a_cancelled_wait_leaves_no_error_behind():
    """A server that gives up the shutdown finds no thread failing afterwards."""
    go_on = threading.Event()
    tried = threading.Event()

    def silent():
        tried.set()
        go_on.wait(WAIT_S)

    endpoint = Endpoint(before=silent)
    with queued(endpoint) as analytics:
        analytics.track("Seen", user_id="user-1")

        async def wait():
            try:
                await analytics.adrain()
            finally:
                cancelled.append(1)

        cancelled = []
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.to_thread.run_sync(tried.wait, WAIT_S)
            group.cancel_scope.cancel()
            go_on.set()
        assert analytics.flush(WAIT_S)

    assert [1] == cancelled


@pytest.mark.anyio
async def test_what_a_thread_raises_reaches_the_wait():
    """An error of the work that is waited for is the waiting task's."""

    def work():
        raise ValueError("in the thread")

    with pytest.raises(ValueError, match="in the thread"):
        await in_thread(work)


# -- messages -------------------------------------------------------------------------

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/html")],
}
BODY = {"type": "http.response.body", "body": b"<p>Hello"}


def sends(*messages):
    """An application that sends *messages*."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


@pytest.mark.parametrize(
    "messages",
    [
        [START, {"type": "http.response.pathsend", "path": "/srv/page.html"}],
        [START, {"type": "http.response.zerocopysend", "file": 3}],
        [
            {**START, "trailers": True},
            BODY,
            {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]},
        ],
        [{"type": "http.response.early_hint", "links": [b"</a.css>"]}, START, BODY],
        [{"type": "http.response.debug", "info": {"template": "a"}}, START, BODY],
        [{"type": "http.response.push", "path": "/a.css", "headers": []}, START, BODY],
        [START, {**START, "status": 500}, BODY],
    ],
)
def test_as_4_messages_pass_through(analytics, recorder, messages):
    """AS-4: each message is the very object, in order, and there is one page."""
    sent = visit(SegmentMiddleware(sends(*messages), analytics), "/")

    assert len(messages) == len(sent)
    assert all(one is other for one, other in zip(messages, sent, strict=True))
    assert [200] == [one["properties"]["status"] for one in recorder.pages]


def test_as_4_headers_that_can_be_read_once(recorder):
    """AS-4: an iterator of headers reaches the server whole, cookie and all."""
    for anonymous_cookie in (False, True):
        start = {**START, "headers": (pair for pair in START["headers"])}
        with Analytics(
            "k", sink=recorder, anonymous_cookie=anonymous_cookie
        ) as analytics:
            app = SegmentMiddleware(sends(start, BODY), analytics)
            sent = visit(app, "/", headers={"cookie": ""})
        names = [name for name, _ in headers_of(sent)]
        assert ["content-type"] + ["set-cookie"] * anonymous_cookie == names

    assert 1 == len(recorder.pages)


@pytest.mark.parametrize("start", [{}, {"status": "fine"}, {"headers": [None]}])
def test_as_4_a_start_that_breaks_the_rules(analytics, start):
    """AS-4, RULE-1: what is wrong with a message is for the server to say."""
    message = {"type": "http.response.start", **start}

    sent = visit(SegmentMiddleware(sends(message, BODY), analytics), "/")

    assert [message, BODY] == sent


def test_other_scopes_are_passed_on(analytics):
    """A scope type of the future gets the server's own callables."""
    seen = []

    async def app(*arguments):
        seen.extend(arguments)

    scope = {"type": "telepathy"}
    anyio.run(SegmentMiddleware(app, analytics), scope, None, None)

    assert [scope, None, None] == seen
    assert {"type": "telepathy"} == scope


@pytest.mark.parametrize("query_string", ["text", None])
def test_a_scope_that_we_can_not_read(analytics, caplog, query_string):
    """RULE-1: a broken scope is served without us, and logged once."""
    app = SegmentMiddleware(page(), analytics)
    for _ in range(2):
        sent = visit(app, "/", query_string=query_string)
        assert 200 == status_of(sent)

    assert 1 == len(caplog.records)


def test_switched_off_nothing_is_wrapped(recorder):
    """With `enabled=False` the application gets the server's own callables."""
    seen = []

    async def app(scope, receive, send):
        seen.extend([receive, send, analytics_of(scope)])
        track("Seen", user_id="user-1")

    receive, send = object(), object()
    with Analytics("first", sink=recorder), Analytics("k", enabled=False) as off:
        anyio.run(SegmentMiddleware(app, off), scope_of("/"), receive, send)

    assert [receive, send, off] == seen
    assert [] == recorder


# -- streams, errors, sockets ---------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "pages"), [("text/event-stream", 0), ("text/html", 1)]
)
async def test_as_1_an_endless_stream(analytics, recorder, kind, pages):
    """AS-1: the first chunk is with the client while the stream goes on."""
    sent = []
    arrived = anyio.Event()

    async def chunks():
        track("Streaming")
        yield b"data: 1\n\n"
        await anyio.sleep_forever()

    def endpoint(request):
        set_user("user-1")
        return StreamingResponse(chunks(), media_type=kind)

    async def send(message):
        sent.append(message)
        if message.get("body"):
            arrived.set()

    app = Starlette(routes=[Route("/", endpoint)])
    app.add_middleware(ForStarlette, analytics=analytics)
    async with anyio.create_task_group() as group:
        group.start_soon(app, scope_of("/"), anyio.sleep_forever, send)
        await arrived.wait()
        assert pages == len(recorder.pages)
        assert 1 == sum(analytics.stats().pages.values())
        assert b"data: 1\n\n" == sent[1]["body"]
        group.cancel_scope.cancel()

    assert ["user-1"] == [one["userId"] for one in recorder.tracks]
    assert 1 == sum(analytics.stats().pages.values())


@pytest.mark.anyio
async def test_as_2_a_disconnect_before_any_response(analytics, recorder, caplog):
    """AS-2: cancellation comes through, and leaves neither a page nor a line."""
    seen = []
    reached = anyio.Event()

    async def app(scope, receive, send):
        reached.set()
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            seen.append(error)
            raise

    async def run(scope):
        try:
            await SegmentMiddleware(app, analytics)(scope, None, None)
        except BaseException as error:
            seen.append(error)
            raise
        finally:
            assert current() is None

    scope = scope_of("/")
    with caplog.at_level(logging.INFO):
        async with anyio.create_task_group() as group:
            group.start_soon(run, scope)
            await reached.wait()
            group.cancel_scope.cancel()

    assert seen[0] is seen[1]
    assert isinstance(seen[0], anyio.get_cancelled_exc_class())
    assert [] == recorder
    assert [] == caplog.records
    assert KEY not in scope


def test_as_2_a_disconnect_while_streaming(analytics, recorder):
    """AS-2: what the server raises out of `send` comes through as it is."""
    gone = OSError("the client has gone")

    async def send(message):
        raise gone

    with pytest.raises(OSError, match="gone") as caught:
        anyio.run(SegmentMiddleware(page(), analytics), scope_of("/"), None, send)

    assert caught.value is gone
    assert [] == recorder


def test_as_3_a_handler_that_raises(analytics, recorder):
    """AS-3: the same error object, and one frame of ours in its traceback."""
    error = ValueError("the application's own")

    async def handler(request):
        raise error

    def frames(app):
        with pytest.raises(ValueError, match="own") as caught:
            TestClient(app).get("/")
        assert caught.value is error
        found = traceback.extract_tb(error.__traceback__)
        error.__traceback__ = None
        return [f"{one.filename}:{one.name}" for one in found]

    def made(*, has_ours):
        app = Starlette(routes=[Route("/", handler)])
        if has_ours:
            app.add_middleware(ForStarlette, analytics=analytics)
        return app

    plain, ours = frames(made(has_ours=False)), frames(made(has_ours=True))
    around = frames(ForStarlette(made(has_ours=False), analytics))

    for found in (ours, around):
        extra = [one for one in found if "segment_integrations" in one]
        assert 1 == len(extra)
        assert plain == [one for one in found if one not in extra]
    client = TestClient(made(has_ours=True), raise_server_exceptions=False)
    assert 500 == client.get("/").status_code
    assert [] == recorder


@pytest.mark.parametrize("middleware", [SegmentMiddleware, ForStarlette])
def test_as_5_a_websocket(analytics, recorder, middleware):
    """AS-5: three events of one user on one connection, and no page."""

    async def app(scope, receive, send):
        await receive()
        set_user("user-1")
        await send({"type": "websocket.accept"})
        for number in range(3):
            await receive()
            track("Said", {"n": number})
        await send({"type": "websocket.close", "code": 1000})

    said = {"type": "websocket.receive", "text": "x"}
    incoming = [{"type": "websocket.connect"}, said, said, said]
    scope = websocket_scope_of("/chat")
    sent = anyio.run(serve, middleware(app, analytics), scope, incoming)

    assert ["websocket.accept", "websocket.close"] == [one["type"] for one in sent]
    assert ["user-1"] * 3 == [one["userId"] for one in recorder.tracks]
    assert [] == recorder.pages
    assert "http://shop.example/chat" == recorder.tracks[0]["context"]["page"]["url"]


@pytest.mark.anyio
async def test_as_6_a_full_queue_drops(caplog):
    """AS-6: no call waits for the endpoint; what does not fit is counted."""
    go_on = threading.Event()
    endpoint = Endpoint(before=lambda: go_on.wait(WAIT_S))

    async def app(scope, receive, send):
        for _ in range(100):
            track("Seen", {"pad": "x" * 1000})
        await page()(scope, receive, send)

    with Analytics(
        "k", transport=endpoint, queue_bytes=20_000, flush_at=1
    ) as analytics:
        sent = await serve(SegmentMiddleware(app, analytics), scope_of("/"))
        stats = analytics.stats()
        go_on.set()

    assert 200 == status_of(sent)
    assert stats.dropped["queue_full"] > 70
    assert 101 == stats.pending_events + stats.dropped["queue_full"]
    assert 1 == len(caplog.records)


# -- contexts -------------------------------------------------------------------------


def test_ctx_3_two_requests_on_one_context(analytics, recorder):
    """CTX-3: the same task, even the same scope dict, and nothing of the first."""
    holders = []

    async def app(scope, receive, send):
        holders.append(current())
        if len(holders) == 1:
            set_user("user-a")
        track("Seen")
        await page()(scope, receive, send)

    ours = SegmentMiddleware(app, analytics)
    scope = scope_of("/")

    async def both():
        await serve(ours, scope)
        assert current() is None
        await serve(ours, scope)

    anyio.run(both)

    assert holders[0] is not holders[1]
    users = [one.get("userId") for one in recorder]
    assert ["user-a", "user-a", None, None] == users
    assert KEY not in scope


def test_ctx_5_installed_twice(analytics, recorder):
    """CTX-5: one holder and one page, also where a scope is copied in between."""
    inner = SegmentMiddleware(page(), analytics)

    async def copying(scope, receive, send):
        await inner(dict(scope), receive, send)

    visit(SegmentMiddleware(copying, analytics), "/")

    assert 1 == len(recorder.pages)


def test_ctx_6_an_app_called_by_another(analytics, recorder):
    """CTX-6: the inner request has its own holder, and the outer one is back after."""
    inner_recorder = Recorder()

    async def inner(scope, receive, send):
        set_user("user-inner")
        track("Inner")
        await page()(scope, receive, send)

    with Analytics("inner", sink=inner_recorder) as other:
        inner_app = SegmentMiddleware(inner, other)

        async def outer(scope, receive, send):
            set_user("user-outer")
            before = current()
            await serve(inner_app, scope_of("/inner"))
            assert current() is before
            track("Outer")
            await page()(scope, receive, send)

        visit(SegmentMiddleware(outer, analytics), "/outer")

    found = [(one["type"], one["userId"]) for one in recorder]
    assert [("track", "user-outer"), ("page", "user-outer")] == found
    found = [(one["type"], one["userId"]) for one in inner_recorder]
    assert [("track", "user-inner"), ("page", "user-inner")] == found


class Pause:
    """Lets whoever drives a coroutine have the next word."""

    def __await__(self):
        yield


@pytest.mark.parametrize("ending", ["send", "close"])
def test_ctx_7_a_request_that_ends_on_another_context(analytics, caplog, ending):
    """CTX-7: nothing is raised or logged, and neither context keeps the holder."""
    sent = []

    async def app(scope, receive, send):
        await Pause()
        await page()(scope, receive, send)

    async def send(message):
        sent.append(message)

    request = SegmentMiddleware(app, analytics)(scope_of("/"), None, send)
    other = copy_context()
    copy_context().run(request.send, None)
    with caplog.at_level(logging.INFO):
        if ending == "send":
            with pytest.raises(StopIteration):
                other.run(request.send, None)
        else:
            other.run(request.close)

    assert {"send": 2, "close": 0}[ending] == len(sent)
    assert other.run(current) is None
    assert [] == caplog.records


def test_either_analytics_or_settings(analytics):
    """Both at once are refused, and the error names a setting."""
    with pytest.raises(ConfigurationError, match="not both") as caught:
        SegmentMiddleware(page(), analytics, flush_at=7)

    assert "flush_at" == caught.value.setting


def test_analytics_of_a_scope_without_the_middleware(analytics, monkeypatch):
    """The default one, and where there is none, a clear error."""
    with Analytics("second", sink=Recorder()):
        assert analytics is analytics_of(scope_of("/"))

    monkeypatch.setattr("segment_integrations.asgi.analytics_now", lambda: None)
    with pytest.raises(ConfigurationError, match="no SegmentMiddleware is installed"):
        analytics_of(scope_of("/"))
