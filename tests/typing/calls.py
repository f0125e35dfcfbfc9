"""The calls, as an application writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_type
from uuid import UUID

from segment_integrations import (
    Analytics,
    RequestContext,
    Settings,
    alias,
    bind,
    current,
    flush,
    group,
    identify,
    page,
    reset,
    screen,
    set_user,
    track,
)

assert_type(track("Order Completed"), str | None)
assert_type(track("Order Completed", {"revenue": 99.9}), str | None)
track(
    "Order Completed",
    {"revenue": 99.9, "products": [{"sku": "a"}]},
    user_id=7,
    anonymous_id=UUID(int=1),
    context={"ip": "203.0.113.7"},
    integrations={"All": False, "Mixpanel": {"token": "x"}},
    timestamp=datetime.now(UTC),
    message_id="order-7",
)
assert_type(identify("user-1", {"plan": "pro"}, timestamp=1.5), str | None)
assert_type(identify(traits={"plan": "pro"}), str | None)
assert_type(group("team-1", {"seats": 3}, user_id="user-1"), str | None)
assert_type(page(), str | None)
assert_type(page("Home", {"x": 1}, category="Docs"), str | None)
assert_type(screen("Start", category="App"), str | None)
assert_type(alias("user-1", previous_id="old"), str | None)
assert_type(flush(1.0), bool)

set_user("user-1", anonymous_id="a", group_id=3, traits={"plan": "pro"})
set_user(None)
reset()

with bind(user_id="user-1", context={"app": {"name": "jobs"}}) as context:
    assert_type(context, RequestContext)
    assert_type(context.user_id, str | None)
assert_type(current(), RequestContext | None)

track("E", colour="red")  # type: ignore[call-arg]
track("E", user_id=["u"])  # type: ignore[arg-type]
track(3)  # type: ignore[arg-type]
group()  # type: ignore[call-arg]
identify("u", user_id="v")  # type: ignore[misc]
page("Home", {}, "Docs")  # type: ignore[call-arg]


def methods(analytics: Analytics) -> None:
    """Every call is a method too."""
    assert_type(analytics.track("E", {"a": 1}, user_id="u"), str | None)
    assert_type(analytics.identify("u"), str | None)
    assert_type(analytics.group("g"), str | None)
    assert_type(analytics.page("P", category="C"), str | None)
    assert_type(analytics.screen("S"), str | None)
    assert_type(analytics.alias("u"), str | None)
    assert_type(analytics.flush(), bool)
    assert_type(analytics.close(timeout=1), int)
    assert_type(analytics.settings, Settings)
    assert_type(analytics.settings.sample, float)
    with analytics.bind(user_id="u") as context:
        assert_type(context, RequestContext)


async def waiting(analytics: Analytics) -> None:
    """Only what waits has an async twin."""
    assert_type(await analytics.aflush(), bool)
    assert_type(await analytics.aclose(), int)
