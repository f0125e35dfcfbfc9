"""What requests leave behind: RT-4."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
import tracemalloc
from collections import Counter

import pytest
from neutral import Ask, Reply, browser

from segment_integrations import set_user, track
from segment_integrations.core.current import RequestContext

WARM = 100
WAIT_S = 10
REQUESTS = int(os.environ.get("SEGMENT_TEST_REQUESTS", "600"))  # `nox -s matrix`: 3,000
PLAIN = {"aiohttp", "asgi", "wsgi", "starlette", "fastapi", "flask"}
"""Those whose own request is no circle, nor leads into one."""
OURS = [tracemalloc.Filter(inclusive=True, filename_pattern="*/segment_integrations/*")]


def viewed(request):
    """A view that has an event, a user and the page call."""
    set_user(request.params["slug"])
    track("Seen", {"slug": request.params["slug"]})
    return Reply()


def ask(number):
    """One of 50: what a framework remembers of them, it knows after the warm-up."""
    number %= 50
    cookie = f"ajs_anonymous_id=visitor-{number}"
    referrer = f"http://testserver/products/{number}"
    return Ask(
        f"/products/{number}", headers=browser({"Referer": referrer}, cookie=cookie)
    )


async def exchange(app, ask):
    """One request without a client, which would take most of the time; its status."""
    headers = [("Host", "testserver"), *ask.headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": ask.method,
        "scheme": ask.scheme,
        "path": ask.path,
        "raw_path": ask.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), one.encode()) for name, one in headers],
        "client": (ask.peer, 50_000),
        "server": ("testserver", 80),
    }
    sent = []
    ended = asyncio.Event()

    async def receive():
        if not scope.setdefault("is_read", False):
            scope["is_read"] = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    await app(scope, receive, send)
    return sent[0]["status"]


def visit(site, driver, numbers):
    """Send a request for each number, one after the other."""

    def seen(status):
        assert status == 200
        site.events.clear()

    async def awaited():
        for number in numbers:
            if driver.framework in {"aiohttp", "django"}:
                seen((await site.app.asend(ask(number))).status)
            else:
                seen(await exchange(site.app.app, ask(number)))

    # Django's app has both clients.
    is_awaited = hasattr(site.app, "asend")
    if driver.framework == "django":
        is_awaited = driver.is_async
    if is_awaited:
        asyncio.run(awaited())
    else:
        for number in numbers:
            seen(site.app.send(ask(number)).status)


def held():
    """How many blocks are alive, by the line of ours that allocated them."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(OURS)
    return Counter(
        {str(one.traceback): one.count for one in snapshot.statistics("lineno")}
    )


def contexts():
    """How many requests' contexts are alive; by type, for a lazy object would wake."""
    return sum(issubclass(type(one), RequestContext) for one in gc.get_objects())


@pytest.fixture
def unmeasured():
    """Coverage would make this the longest test of all, and sees no line anew here."""
    measuring = sys.modules.get("coverage")
    running = None if measuring is None else measuring.Coverage.current()
    if running is not None:
        running.stop()
    yield
    if running is not None:
        running.start()


def test_rt_4_three_thousand_requests_leave_nothing(make_site, driver, unmeasured):
    """No line of ours makes an object for each request that survives it."""
    site = make_site({"/products/{slug}": viewed})
    visit(site, driver, range(WARM))
    tracemalloc.start()
    try:
        visit(site, driver, range(WARM, 2 * WARM))
        before = held()
        visit(site, driver, range(2 * WARM, 2 * WARM + REQUESTS))
        grown = held() - before
    finally:
        tracemalloc.stop()
    # Even one for every tenth of 3,000 would be seen; caches hold fewer.
    assert {} == {one: more for one, more in grown.items() if more >= 300}
    assert {"page": 2 * WARM + REQUESTS} == site.pages()


def test_rt_4_no_request_waits_for_the_garbage_collector(make_site, driver):
    """A request is gone when it has ended: what we keep of it is no circle."""
    if driver.framework not in PLAIN:
        pytest.skip("the framework's own request is a circle")
    site = make_site({"/products/{slug}": viewed})
    visit(site, driver, range(3))
    gc.collect()
    gc.disable()
    try:
        before = contexts()
        visit(site, driver, range(3, 13))
        until = time.monotonic() + WAIT_S
        while before != contexts() and time.monotonic() < until:
            time.sleep(0.01)  # a thread that ran a view, and ends, holds the last one
        assert before == contexts()
    finally:
        gc.enable()
