"""What requests leave behind: RT-4."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter

from neutral import Ask, Reply, browser

from segment_integrations import set_user, track

WARM = 200
REQUESTS = 3_000
OURS = [tracemalloc.Filter(inclusive=True, filename_pattern="*/segment_integrations/*")]


def viewed(request):
    """A view that has an event, a user and the page call."""
    set_user(request.params["slug"])
    track("Seen", {"slug": request.params["slug"]})
    return Reply()


def ask(number):
    """No two are the same visitor's; bounded caches are full after the warm-up."""
    cookie = f"ajs_anonymous_id=visitor-{number}"
    referrer = f"http://testserver/products/{number % 20}"
    return Ask(
        f"/products/{number}", headers=browser({"Referer": referrer}, cookie=cookie)
    )


def visit(site, driver, numbers):
    """Send a request for each number, one after the other."""
    is_awaited = hasattr(site.app, "asend")
    if driver.framework == "django":
        is_awaited = driver.is_async  # its app has both clients

    async def awaited():
        for number in numbers:
            seen(await site.app.asend(ask(number)))

    def seen(answer):
        statuses[answer.status] += 1
        kinds.update(one["type"] for one in site.events.messages)
        site.events.clear()

    statuses, kinds = Counter(), Counter()
    if is_awaited:
        asyncio.run(awaited())
    else:
        for number in numbers:
            seen(site.app.send(ask(number)))
    assert {200: len(numbers)} == statuses
    assert {"track": len(numbers), "page": len(numbers)} == kinds


def held():
    """How many blocks are alive that were allocated by a line of ours."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(OURS)
    return sum(one.count for one in snapshot.statistics("filename"))


def test_rt_4_three_thousand_requests_leave_nothing(make_site, driver):
    """No object for each request survives it, whichever of our lines made it."""
    site = make_site({"/products/{slug}": viewed})
    visit(site, driver, range(WARM))
    tracemalloc.start()
    try:
        visit(site, driver, range(WARM, 2 * WARM))
        before = held()
        visit(site, driver, range(2 * WARM, 2 * WARM + REQUESTS))
        after = held()
    finally:
        tracemalloc.stop()
    assert after - before < REQUESTS // 10
