"""The request's context: CTX-1 to CTX-6 and CTX-8 to CTX-12."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from neutral import ANONYMOUS, Ask, Reply, browser, plain
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from segment_integrations import (
    Analytics,
    bind,
    current,
    fastapi,
    identify,
    propagate,
    set_user,
    starlette,
    track,
)

every_async = pytest.mark.parametrize(
    "driver",
    [
        *["starlette-async", "fastapi-async", "quart-async", "litestar-async"],
        *["aiohttp", "asgi", "django-asgi"],
    ],
    indirect=True,
)
every_starlette = pytest.mark.parametrize(
    "driver",
    ["starlette-async", "starlette-sync", "fastapi-async", "fastapi-sync"],
    indirect=True,
)


def identifying(_):
    """A view that knows the user."""
    identify("u1")
    track("Seen")
    return Reply()


def users(messages):
    return {(one["type"], one.get("userId")) for one in messages}


# -- CTX-1 and CTX-2: a change made below is seen above ------------------------------


def test_ctx_1_an_identity_set_in_the_view_is_the_page_s(make_site):
    """What the view learns reaches the page call, from a worker thread too."""
    site = make_site({"/": identifying})
    site.visit()
    assert {("identify", "u1"), ("track", "u1"), ("page", "u1")} == users(
        site.events.messages
    )


@pytest.mark.parametrize("is_sync_endpoint", [True, False])
@pytest.mark.parametrize("is_sync_dependency", [True, False])
def test_ctx_1_a_dependency_identifies(events, is_sync_dependency, is_sync_endpoint):
    """What a dependency learns reaches the endpoint's events and the page call."""
    app = FastAPI()

    def login():
        set_user("u1")

    async def alogin():
        set_user("u1")

    dependency = Depends(login if is_sync_dependency else alogin)

    def endpoint(_: Annotated[None, dependency]) -> HTMLResponse:
        track("Seen")
        return HTMLResponse("x")

    async def aendpoint(_: Annotated[None, dependency]) -> HTMLResponse:
        track("Seen")
        return HTMLResponse("x")

    # This module's annotations are texts, and "dependency" is no global name.
    for one in (endpoint, aendpoint):
        one.__annotations__["_"] = Annotated[None, dependency]
    app.add_api_route("/", endpoint if is_sync_endpoint else aendpoint)
    with Analytics("key", strict=False) as analytics:
        app.add_middleware(fastapi.SegmentMiddleware, analytics=analytics)
        TestClient(app).get("/", headers=browser())
    assert {("track", "u1"), ("page", "u1")} == users(events.messages)


class Passing(BaseHTTPMiddleware):
    """A middleware as users write them: the app below runs in another task."""

    async def dispatch(self, request, call_next):
        return await call_next(request)


@every_starlette
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_ctx_2_around_a_base_http_middleware(make_site, where):
    """The page has the view's user, with a BaseHTTPMiddleware on either side."""
    site = make_site({"/": identifying}, more={where: [Passing, Passing]})
    site.visit()
    assert {("identify", "u1"), ("track", "u1"), ("page", "u1")} == users(
        site.events.messages
    )
    assert len(site.events.messages) == 3


# -- CTX-3 and CTX-4: requests never mix ---------------------------------------------


def one_or_the_other(_):
    """A view that identifies "a" on its first path only."""
    track("Seen")
    return Reply()


def test_ctx_3_one_after_the_other_in_one_thread(make_site):
    """The second request of a thread knows nothing of the first one's user."""
    site = make_site({"/in": lambda _: identify("a") and Reply(), "/": plain})
    site.visit("/in")
    site.events.clear()
    site.visit()
    assert current() is None
    (page,) = site.events.messages
    assert "userId" not in page


@every_async
def test_ctx_3_one_after_the_other_in_one_task(make_site):
    """A server may serve two requests in one task: the second is anonymous again."""
    site = make_site(
        {"/in": lambda _: identify("a") and Reply(), "/": one_or_the_other}
    )

    async def keep_alive():
        await site.app.asend(Ask("/in", headers=browser()))
        assert current() is None
        first = len(site.events.messages)
        await site.app.asend(Ask("/", headers=browser()))
        assert current() is None
        return site.events.messages[first:]

    second = asyncio.run(keep_alive())
    assert len(second) == 2
    assert '"a"' not in json.dumps(second)


async def served(request):
    """An async endpoint that lets others run in the middle of it."""
    user = request.native.headers["X-Who"]
    set_user(user)
    for _ in range(3):
        await asyncio.sleep(0)
        track("Async", {"who": user})
    return Reply()


def served_by_a_thread(request):
    """A sync endpoint that lets others run in the middle of it."""
    user = request.native.headers["X-Who"]
    set_user(user)
    for _ in range(3):
        time.sleep(0)
        track("Sync", {"who": user})
    return Reply()


served_by_a_thread.blocks = True  # type: ignore[attr-defined]


def test_ctx_4_200_requests_at_once(make_site, driver):
    """Each of 200 concurrent requests has its own user on each of its events."""
    routes = {"/sync": served_by_a_thread}
    if driver.framework not in {"flask", "wsgi"}:
        routes["/async"] = served
    kinds = [*routes] * 200
    site = make_site(routes, flush_at=500)
    asks = [
        Ask(kinds[number], headers=browser({"X-Who": f"u-{number}"}))
        for number in range(200)
    ]
    assert {200} == {one.status for one in site.app.send_all(asks)}
    tracks = site.events.tracks
    assert len(tracks) == 600
    assert all(one["userId"] == one["properties"]["who"] for one in tracks)
    pages = [one["userId"] for one in site.events.pages]
    assert sorted(f"u-{number}" for number in range(200)) == sorted(pages)


# -- CTX-5 and CTX-6: one holder for one request -------------------------------------


def test_ctx_5_installed_twice(make_site):
    """Two of our middlewares on one app make one holder, one page and one cookie."""

    def view(_):
        track("Seen")
        identify("u1")
        return Reply()

    site = make_site({"/": view}, more={"twice": True}, anonymous_cookie=True)
    answer = site.visit(cookie="")
    assert ["track", "identify", "page"] == [one["type"] for one in site.events]
    assert len({one["anonymousId"] for one in site.events}) == 1
    assert len(answer.all("set-cookie")) == 1
    assert {"page": 1} == site.pages()


def test_ctx_5_on_a_sub_app_and_its_parent(events):
    """A mounted app with a middleware of its own shares its parent's holder."""

    def endpoint(request):
        identify("u1")
        return HTMLResponse("x")

    with Analytics("key", strict=False) as analytics:
        inner = Starlette(routes=[Route("/", endpoint)])
        inner.add_middleware(starlette.SegmentMiddleware, analytics=analytics)
        outer = Starlette(routes=[Mount("/sub", inner)])
        outer.add_middleware(starlette.SegmentMiddleware, analytics=analytics)
        TestClient(outer).get("/sub/", headers=browser())
        assert {"page": 1} == dict(analytics.stats().pages)
    assert {("identify", "u1"), ("page", "u1")} == users(events.messages)
    assert len(events.messages) == 2


def test_ctx_6_a_request_inside_a_request(make_site, driver):
    """An app called in-process has a holder of its own, and ours is back after it."""
    ask = Ask("/inner", headers=browser(cookie="ajs_anonymous_id=inner-visitor"))

    def inner(_):
        track("Inner")
        identify("u-inner")
        return Reply()

    def outer(_):
        identify("u-outer")
        before = current()
        assert site.app.send(ask).status == 200
        assert current() is before
        track("Outer")
        return Reply()

    async def aouter(_):
        identify("u-outer")
        before = current()
        assert (await site.app.asend(ask)).status == 200
        assert current() is before
        track("Outer")
        return Reply()

    site = make_site({"/outer": aouter if driver.is_async else outer, "/inner": inner})
    assert site.visit("/outer").status == 200
    by_name = {one["event"]: one for one in site.events.tracks}
    assert "userId" not in by_name["Inner"]
    assert by_name["Inner"]["anonymousId"] == "inner-visitor"
    assert by_name["Outer"]["userId"] == "u-outer"
    assert {"/inner": "u-inner", "/outer": "u-outer"} == {
        one["name"]: one["userId"] for one in site.events.pages
    }


# -- CTX-8 to CTX-10: outside, in threads, afterwards --------------------------------


def test_ctx_8_outside_any_request(make_site, log):
    """Without a request an event has no one's identity: dropped, with one warning."""
    site = make_site({"/": identifying})
    site.visit()
    site.events.clear()
    assert site.analytics.track("Cron") is None
    assert site.analytics.track("Cron") is None
    assert [] == site.events.messages
    (line,) = log()
    assert "no user or anonymous id is known here: pass user_id=" in line
    assert site.analytics.track("Cron", user_id="u-9") is not None
    assert ["u-9"] == [one["userId"] for one in site.events.messages]
    assert "page" not in site.events.messages[0]["context"]


def test_ctx_9_threads(make_site):
    """A thread pool knows the request only through `propagate`."""

    def work(name):
        context = current()
        if context is not None:
            track(name)
        return context is None

    def view(_):
        set_user("u1")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(work, "Bare").result()
            assert not pool.submit(propagate(work), "Carried").result()
            assert pool.submit(work, "Bare again").result()
        return Reply()

    site = make_site({"/": view})
    assert site.visit().status == 200
    assert [("Carried", "u1")] == [
        (one["event"], one["userId"]) for one in site.events.tracks
    ]
    assert site.events.tracks[0]["context"]["page"]["path"] == "/"


@every_async
def test_ctx_9_tasks(make_site):
    """Tasks and `asyncio.to_thread` know the request unaided."""

    async def work():
        track("Task")

    async def view(_):
        set_user("u1")
        await asyncio.create_task(work())
        await asyncio.to_thread(track, "Thread")
        return Reply()

    site = make_site({"/": view})
    site.visit()
    assert [("Task", "u1"), ("Thread", "u1")] == [
        (one["event"], one["userId"]) for one in site.events.tracks
    ]


@every_async
def test_ctx_10_a_task_that_outlives_its_request(make_site):
    """What still runs after the response keeps its request's identity."""
    tasks = []

    async def late(gate):
        await gate.wait()
        track("Late")

    async def scenario():
        gate = asyncio.Event()

        async def view(_):
            set_user("u1")
            tasks.append(asyncio.create_task(late(gate)))
            return Reply()

        site = make_site({"/": view, "/other": identifying})
        await site.app.asend(Ask("/", headers=browser()))
        await site.app.asend(Ask("/other", headers=browser()))
        gate.set()
        await tasks[0]
        return site

    site = asyncio.run(scenario())
    late_one = site.events.tracks[-1]
    assert (late_one["event"], late_one["userId"]) == ("Late", "u1")
    assert late_one["anonymousId"] == ANONYMOUS
    assert late_one["context"]["page"]["path"] == "/"


def test_ctx_10_a_thread_that_outlives_its_request(make_site):
    """A propagated thread keeps its request's identity after the response."""
    gate = threading.Event()
    threads = []

    def late():
        assert gate.wait(10)
        track("Late")

    def view(_):
        set_user("u1")
        threads.append(threading.Thread(target=propagate(late)))
        threads[0].start()
        return Reply()

    site = make_site({"/": view, "/other": identifying})
    site.visit()
    site.visit("/other")
    gate.set()
    threads[0].join()
    late_one = site.events.tracks[-1]
    assert (late_one["event"], late_one["userId"]) == ("Late", "u1")


# -- CTX-11 ---------------------------------------------------------------------------


def test_ctx_11_blocks_nest(make_site):
    """The inner block wins, and the outer is back after it, on exceptions too."""

    @bind(user_id="u2", anonymous_id="anon")
    def inner():
        track("Inner")
        raise RuntimeError

    def view(_):
        set_user("u0")
        with bind(user_id="u1", context={"job": {"a": 1}}):
            track("Outer")
            with pytest.raises(RuntimeError):
                inner()
            track("Outer again")
        track("View")
        return Reply()

    site = make_site({"/": view})
    assert site.visit().status == 200
    assert [
        ("Outer", "u1", ANONYMOUS),
        ("Inner", "u2", "anon"),
        ("Outer again", "u1", ANONYMOUS),
        ("View", "u0", ANONYMOUS),
    ] == [
        (one["event"], one["userId"], one["anonymousId"]) for one in site.events.tracks
    ]
    assert site.events.tracks[1]["context"]["job"] == {"a": 1}
    assert "job" not in site.events.tracks[3]["context"]
    assert site.events.pages[0]["userId"] == "u0"


# -- CTX-12 ---------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12: threads and fork
def test_ctx_12_a_fork_inside_a_request(make_site):
    """A child that a view forks is nobody's, can be somebody's, and can send."""
    statuses = []

    def in_child():
        assert current() is None
        with bind(user_id="u2"):
            assert track("Child") is not None
        assert current() is None
        assert propagated() == "u1"

    def view(_):
        nonlocal propagated
        set_user("u1")
        propagated = propagate(lambda: current().user_id)
        child = os.fork()
        if child == 0:
            try:
                in_child()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        track("Parent")
        return Reply()

    propagated = None
    site = make_site({"/": view})
    assert site.visit().status == 200
    assert [0] == statuses
    assert [("track", "u1"), ("page", "u1")] == [
        (one["type"], one["userId"]) for one in site.events.messages
    ]
