"""Processors, the log's throttle, the counts, and steps of generators."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from segment_integrations import (
    Analytics,
    ConfigurationError,
    InvalidEvent,
    bind,
    current,
    propagate,
)
from segment_integrations.core.counters import LOG_INTERVAL_S, Drops, Throttle
from segment_integrations.core.current import set_current
from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.request import RequestInfo

# -- processors ---------------------------------------------------------------------


def test_processors_run_in_order_on_plain_values(make, sink):
    """Each gets what the one before gave; what they change is not the caller's."""
    seen = []

    def first(message):
        seen.append(message["properties"])
        message["properties"]["n"] = [1]
        return message

    def second(message):
        seen.append(message["properties"]["n"])
        return {**message, "event": "Renamed"}

    properties = {"id": 7, "at": {"when": (1, 2)}}
    make(processors=[first, second]).track("Done", properties, user_id="u")
    assert seen == [{"id": 7, "at": {"when": [1, 2]}, "n": [1]}, [1]]
    assert properties == {"id": 7, "at": {"when": (1, 2)}}
    assert sink.messages[0]["event"] == "Renamed"


def test_a_processor_drops(make, sink, log):
    """None drops the message, stops the rest, is counted and is no warning."""
    later = []
    analytics = make(processors=[lambda _: None, later.append])
    assert analytics.track("Done", user_id="u") is None
    assert [] == sink.messages == later
    assert dict(analytics.stats().dropped) == {"processor": 1}
    assert [] == log()


def test_a_processor_that_raises_drops(make, sink, log):
    """It may be the one that removes secrets: its message is not sent."""

    def fails(message):
        raise KeyError(message["userId"])

    analytics = make(processors=[fails])
    for _ in range(3):
        assert analytics.track("Done", user_id="ada@example.com") is None
    assert [] == sink.messages
    assert dict(analytics.stats().dropped) == {"processor_failed": 3}
    assert len(log()) == 2
    assert "ada" not in " ".join(log())


@pytest.mark.parametrize(
    "fails",
    [
        lambda message: message.pop("userId") and message,
        lambda message: {**message, "messageId": None},
        lambda message: message.pop("messageId") and message,
        lambda _: {},
        lambda _: True,
        lambda _: "a text",
    ],
    ids=["nobody", "null id", "no id", "empty", "a bool", "a text"],
)
def test_a_processor_that_breaks_the_message_drops(make, sink, fails):
    """Segment would answer 200 to it and lose it: it is counted here instead."""
    analytics = make(processors=[fails])
    assert analytics.track("Done", user_id="u") is None
    assert [] == sink.messages
    assert dict(analytics.stats().dropped) == {"processor_failed": 1}


def test_what_a_processor_makes_too_large(make, sink):
    """The limit holds for what would be sent."""

    def grows(message):
        return {**message, "properties": {"a": "x" * EVENT_MAX_BYTES}}

    analytics = make(processors=[grows])
    assert analytics.track("Done", user_id="u") is None
    assert dict(analytics.stats().dropped) == {"too_large": 1}


def test_a_processor_may_shrink_what_is_too_large(make, sink):
    """A processor may save an event by making it smaller."""

    def shrinks(message):
        return {**message, "properties": {}}

    analytics = make(processors=[shrinks])
    assert analytics.track("Done", {"a": "x" * 40_000}, user_id="u") is not None


def test_a_processor_s_odd_values(make, sink):
    """What a processor puts in is encoded like what a caller gives."""

    def odd(message):
        return {**message, "properties": {"a": {1}, "b": "\ud800"}}

    make(processors=[odd]).track("Done", user_id="u")
    assert sink.messages[0]["properties"] == {"a": [1], "b": "\ufffd"}


def test_a_sink_that_refuses(make, monkeypatch):
    """False from a sink means refused: the call gives None."""
    analytics = make()
    monkeypatch.setattr(analytics._sink, "put", lambda *_: False)
    assert analytics.track("Done", user_id="u") is None


def test_a_sink_whose_flush_fails_has_not_delivered(make, sink, log):
    """`flush` says False when it can not know; a sink without one has no queue."""
    analytics = make()
    assert analytics.flush() is True

    def fails(timeout):
        raise RuntimeError("ada@example.com")

    sink.flush = sink.close = fails
    assert analytics.flush() is False
    assert analytics.close() == 0
    assert "ada@" not in " ".join(log())


@pytest.mark.parametrize("name", ["sink", "transport"])
@pytest.mark.parametrize("wrong", [5, "a:b", object(), Analytics])
def test_what_is_no_sink_or_transport_is_named_at_start_up(name, wrong):
    """Else each call would fail later, where nobody looks."""
    with pytest.raises(
        ConfigurationError, match=f"^{name} must be an object"
    ) as caught:
        Analytics("a-key", **{name: wrong})
    assert caught.value.setting == name


# -- sampling -----------------------------------------------------------------------


def test_a_call_with_its_own_user_is_sampled(make, sink):
    """Where no visitor is known, the call's own id decides; in jobs too."""
    analytics = make(sample=0.0, anonymous_cookie=True)
    assert analytics.track("Outside", user_id="u-1") is None
    assert analytics.identify("u-1") is None
    with analytics.request(RequestInfo()):
        assert analytics.track("Webhook", user_id="u-1") is None
        assert analytics.track("Minted") is None
    assert [] == sink.messages
    assert dict(analytics.stats().dropped) == {"sampled_out": 4}


def test_the_sample_is_by_user_and_has_its_size(make, sink):
    """Half of the users are kept, each with all events, inside `bind` as outside."""
    analytics = make(sample=0.5)
    for number in range(400):
        analytics.track("Outside", user_id=number)
        with bind(user_id=number):
            analytics.track("Inside")
    users = [message["userId"] for message in sink.messages]
    assert 120 < len(set(users)) < 280
    assert all(users.count(one) == 2 for one in users)


# -- the log and the counts ---------------------------------------------------------


class Clock:
    """Seconds that a test sets."""

    now = 1_000.0

    def __call__(self):
        return self.now


def test_a_flood_is_one_line_a_minute(log):
    """The first line is logged, the rest counted, and told in the next one."""
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.log("full", logging.WARNING, "queue %s", "full")
    throttle.log("other", logging.WARNING, "something else")
    clock.now += LOG_INTERVAL_S - 1
    throttle.log("full", logging.WARNING, "queue %s", "full")
    clock.now += 1
    throttle.log("full", logging.WARNING, "queue %s", "full")
    clock.now += LOG_INTERVAL_S
    throttle.log("full", logging.WARNING, "queue %s", "full")
    assert log() == [
        "queue full",
        "something else",
        "queue full (5 more since the last such line)",
        "queue full",
    ]


def test_a_guard_names_the_hook_and_the_place(log):
    """A guarded error's line has its type and place, and not its text."""
    with Throttle().guard("hook"):
        raise ValueError("ada@example.com")
    (line,) = log()
    assert line.startswith("hook failed with ValueError at ")
    assert "test_core_pipeline.py:" in line
    assert "ada" not in line


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_guard_lets_what_is_no_exception_pass(log, error):
    """Exits and cancellations pass, unlogged."""
    with pytest.raises(error), Throttle().guard("hook"):
        raise error
    assert [] == log()


def test_drops_are_counted_by_reason_from_all_threads():
    """No count is lost, whoever counts."""
    told = []
    drops = Drops(Throttle(), lambda reason, count: told.append((reason, count)))

    def count():
        for _ in range(500):
            drops.add("full")
            drops.add("large", 2)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(count)
    assert drops.counts() == {"full": 4_000, "large": 8_000}
    assert len(told) == 8_000
    drops.reset()
    assert drops.counts() == {}


# -- bind ---------------------------------------------------------------------------


def test_ctx_11_bind_nests_and_restores(analytics, sink):
    """The inner block wins for what it gives; the rest comes from the outer."""

    @bind(anonymous_id="a-2", context={"a": {"y": 2}})
    def inner_block():
        analytics.track("Inner")
        raise LookupError

    with bind(user_id="u-1", group_id="g-1", context={"a": {"x": 1}}):
        with pytest.raises(LookupError):
            inner_block()
        analytics.track("Outer")
    assert current() is None
    inner, outer = sink.messages
    assert (inner["userId"], inner["anonymousId"]) == ("u-1", "a-2")
    assert inner["context"]["a"] == {"x": 1, "y": 2}
    assert inner["context"]["groupId"] == "g-1"
    assert "anonymousId" not in outer
    assert outer["context"]["a"] == {"x": 1}


def test_bind_with_a_wrong_id(analytics, sink):
    """A block about what is no id is about nobody, and the mistake is counted."""
    with bind(user_id="u-1"), analytics.bind(user_id=[]):
        assert analytics.track("Inner") is None
    assert [] == sink.messages
    assert analytics.stats().dropped == {"invalid": 1, "no_identity": 1}


def test_bind_with_a_wrong_id_in_strict_mode(sink):
    """In strict mode the mistake is told at once."""
    with (
        Analytics("a-key", sink=sink, strict=True) as strict,
        pytest.raises(InvalidEvent, match="user_id"),
        strict.bind(user_id=[]),
    ):
        pass  # pragma: no cover - never reached
    assert current() is None


def test_a_sign_in_inside_a_block_ends_with_it(analytics, sink):
    """What `identify` and `reset` do in a block does not reach around it."""
    with bind(user_id="u-1"):
        with bind():
            analytics.identify("u-2")
            analytics.track("Inner")
        analytics.track("Outer")
    assert [one["userId"] for one in sink.messages] == ["u-2", "u-2", "u-1"]


def test_ctx_7_a_context_is_put_back_by_value(analytics, log):
    """Leaving twice, in another context or another thread raises nothing."""
    bound = analytics.request(RequestInfo())
    bound.__enter__()
    copied = copy_context()
    copied.run(bound.__exit__, None, None, None)
    assert copied.run(current) is None
    assert current() is bound.context
    thread = threading.Thread(target=bound.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    bound.__exit__(None, None, None)
    bound.__exit__(None, None, None)
    assert current() is None
    assert [] == log()


def test_the_context_s_text_shows_no_ids(analytics):
    """`repr` says what is known, not who."""
    with analytics.request(RequestInfo()) as context:
        assert repr(context) == "RequestContext(set: nothing)"
        context.set_user("ada@example.com", anonymous_id="a-1")
        assert repr(context) == "RequestContext(set: user, anonymous)"


# -- propagate and the steps of generators ------------------------------------------


def who():
    context = current()
    return None if context is None else context.user_id


def test_ctx_9_propagate_carries_into_a_thread():
    """A wrapped function knows the block it was wrapped in; a bare one none."""
    with ThreadPoolExecutor(1) as pool:
        with bind(user_id="u-1"):
            carried = propagate(who)
            assert pool.submit(who).result() is None
        assert pool.submit(carried).result() == "u-1"
        assert pool.submit(who).result() is None
        with bind(user_id="u-2"):
            assert carried() == "u-1"
            assert who() == "u-2"


def test_propagate_takes_a_coroutine_function():
    """Of an async function the whole run is carried."""

    async def work():
        await asyncio.sleep(0)
        return who()

    with bind(user_id="u-1"):
        carried = propagate(work)
    assert asyncio.iscoroutinefunction(carried)
    assert asyncio.run(carried()) == "u-1"
    assert current() is None


def test_propagate_restores_after_an_error():
    """An error in the carried function passes, and the context is put back."""

    def fails():
        raise LookupError(who())

    async def afails():
        raise LookupError(who())

    with bind(user_id="u-1"):
        carried, acarried = propagate(fails), propagate(afails)
    with pytest.raises(LookupError, match="u-1"):
        carried()
    with pytest.raises(LookupError, match="u-1"):
        asyncio.run(acarried())
    assert current() is None


def test_a_generator_is_carried_step_by_step():
    """In each step the context is bound, between two it never is."""
    closed = []

    def work():
        try:
            got = yield who()
            try:
                yield (who(), got)
            except LookupError as error:
                yield (who(), str(error))
            return "end"
        finally:
            closed.append(who())

    with bind(user_id="u-1"):
        carried = propagate(work)
    steps = carried()
    assert next(steps) == "u-1"
    assert who() is None
    with bind(user_id="u-2"):
        assert steps.send("sent") == ("u-1", "sent")
        assert who() == "u-2"
    assert steps.throw(LookupError("thrown")) == ("u-1", "thrown")
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value == "end"
    assert closed == ["u-1"]
    early = carried()
    next(early)
    early.close()
    assert closed == ["u-1", "u-1"]
    assert who() is None


def test_an_async_generator_is_carried_step_by_step():
    """The same of an async generator."""
    closed = []

    async def work():
        try:
            got = yield who()
            await asyncio.sleep(0)
            try:
                yield (who(), got)
            except LookupError as error:
                yield (who(), str(error))
        finally:
            closed.append(who())

    async def scenario():
        with bind(user_id="u-1"):
            carried = propagate(work)
        steps = carried()
        assert await anext(steps) == "u-1"
        assert who() is None
        assert await steps.asend("sent") == ("u-1", "sent")
        assert await steps.athrow(LookupError("thrown")) == ("u-1", "thrown")
        with pytest.raises(StopAsyncIteration):
            await anext(steps)
        early = carried()
        await anext(early)
        await early.aclose()
        assert who() is None

    asyncio.run(scenario())
    assert closed == ["u-1", "u-1"]


def test_a_generator_that_raises():
    """An error inside passes out of the step, and the context is put back."""

    def work():
        yield 1
        raise LookupError

    async def awork():
        yield 1
        raise LookupError

    async def scenario():
        steps = acarried()
        await anext(steps)
        with pytest.raises(LookupError):
            await anext(steps)
        assert current() is None

    with bind(user_id="u-1"):
        carried, acarried = propagate(work), propagate(awork)
    steps = carried()
    next(steps)
    with pytest.raises(LookupError):
        next(steps)
    assert current() is None
    asyncio.run(scenario())


def test_a_fallback_is_asked_where_nothing_is_bound(analytics, monkeypatch):
    """A framework may know the request where no context variable can."""
    context = analytics.request(RequestInfo()).context
    from segment_integrations.core import current as module

    monkeypatch.setattr(module, "fallbacks", [lambda: None, lambda: context])
    assert current() is context
    previous = set_current(None)
    assert previous is None
