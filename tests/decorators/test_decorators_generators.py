"""`tracks` on generators: when they end, and that nothing about them changes."""

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations import Analytics, current, propagate, tracks
from segment_integrations.core.current import set_current

done = tracks("Done")
always = tracks("Done", when="always")


@done
def echo(log):
    """Answer what is sent, survive a KeyError, and return a value."""
    item = "first"
    try:
        while item is not None:
            try:
                item = yield item
            except KeyError as error:
                item = f"caught {error}"
    finally:
        log.append("closed")
    return "returned"


@done
async def aecho(log):
    item = "first"
    try:
        while item is not None:
            try:
                item = yield item
            except KeyError as error:
                item = f"caught {error}"
            await asyncio.sleep(0)
    finally:
        log.append("closed")


def test_de4_one_event_after_the_last_item(sent):
    """DE-4: the event comes after the last item, once."""

    @done
    def numbers():
        yield 1
        yield 2

    items = numbers()
    assert 1 == next(items)
    assert 2 == next(items)
    assert [] == sent.names
    assert [] == list(items) == list(items)
    assert ["Done"] == sent.names


def test_de4_values_go_in_and_out(sent):
    """DE-4: ``x = yield`` and ``return v`` still work."""

    def outer():
        return (yield from echo([]))

    items = outer()
    assert "first" == next(items)
    assert "second" == items.send("second")
    assert "caught 'x'" == items.throw(KeyError("x"))
    with pytest.raises(StopIteration) as stop:
        items.send(None)
    assert "returned" == stop.value.value
    assert ["Done"] == sent.names


def test_de4_closed_early_sends_nothing(sent):
    """DE-4: a generator that is closed, dropped or never started sends nothing."""
    log = []
    items = echo(log)
    next(items)
    items.close()
    assert ["closed"] == log
    next(echo(log))
    gc.collect()
    assert ["closed", "closed"] == log
    echo(log)
    assert [] == sent.names


def test_always_tells_of_an_abandoned_generator(sent):
    """With ``when="always"`` the abandoned generator says that it was not completed."""
    items = always(echo.__wrapped__)([])
    next(items)
    items.close()
    assert [] == list(always(lambda: iter(()))())
    assert [{"success": False, "completed": False}, {"success": True}] == (
        sent.properties
    )


def test_an_abandoned_generator_is_never_another_request_s(analytics, recorder):
    """Closed while another user's request runs, it tells of its own user."""
    with analytics.bind(user_id="a"):
        items = always(echo.__wrapped__)([])
        next(items)
    with analytics.bind(user_id="b") as other:
        items.close()
        assert current() is other
    assert ["a"] == [message["userId"] for message in recorder.messages]


def test_a_stream_read_after_the_request_keeps_its_user(analytics, recorder):
    """What is exhausted outside of any request belongs to where it began."""
    with analytics.bind(user_id="a"):
        items = echo([])
        next(items)
    with pytest.raises(StopIteration):
        items.send(None)
    assert current() is None
    assert ["a"] == [message["userId"] for message in recorder.messages]


def test_nothing_is_left_bound_at_a_yield(analytics, recorder):
    """The context variable is at each yield what the caller made it."""
    with analytics.bind(user_id="a"):
        items = echo([])
        next(items)
    assert current() is None
    with analytics.bind(user_id="b") as inner:
        items.send("x")
        assert current() is inner
    items.close()


def test_carried_by_propagate(analytics, recorder):
    """`propagate` carries a generator's identity to where it is exhausted."""
    with analytics.bind(user_id="a"):
        carried = propagate(echo)
    items = carried([])
    next(items)
    with pytest.raises(StopIteration):
        items.send(None)
    assert ["a"] == [message["userId"] for message in recorder.messages]


STEPS = st.lists(
    st.sampled_from(
        [
            *(("send", "x"), ("send", None), ("close", None)),
            *(("throw", KeyError), ("throw", OSError)),
        ]
    )
)


class Nothing:
    def put(self, body, message):
        pass


@given(STEPS)
def test_a_generator_answers_each_step_as_undecorated(script):
    """For any steps, results, errors and the body's own traces are the same."""

    def run(function):
        log = []
        items = function(log)
        for name, argument in [("send", None), *script]:
            try:
                if name == "close":
                    log.append(items.close())
                elif name == "throw":
                    log.append(items.throw(argument("k")))
                else:
                    log.append(items.send(argument))
            except (StopIteration, OSError, KeyError) as error:
                log.append((type(error), error.args, error.__context__))
        return log

    with Analytics(sink=Nothing()) as analytics, analytics.bind(user_id=1):
        assert run(echo.__wrapped__) == run(echo)


@given(STEPS)
def test_an_async_generator_answers_each_step_as_undecorated(script):
    """For any steps, an async generator's results and errors are the same."""

    async def run(function):
        log = []
        items = function(log)
        for name, argument in [("send", None), *script]:
            try:
                if name == "close":
                    log.append(await items.aclose())
                elif name == "throw":
                    log.append(await items.athrow(argument("k")))
                else:
                    log.append(await items.asend(argument))
            except (StopAsyncIteration, OSError, KeyError) as error:
                log.append((type(error), error.args))
        await items.aclose()
        return log

    with Analytics(sink=Nothing()) as analytics, analytics.bind(user_id=1):
        assert asyncio.run(run(aecho.__wrapped__)) == asyncio.run(run(aecho))


def test_de4_async_generators_likewise(sent):
    """DE-4: an async generator sends one event at its end and none when closed."""

    async def main():
        log = []
        items = aecho(log)
        assert "first" == await anext(items)
        assert "x" == await items.asend("x")
        assert "caught 'k'" == await items.athrow(KeyError("k"))
        await items.aclose()
        assert ["closed"] == log
        assert [] == sent.names
        items = aecho(log)
        await anext(items)
        assert [] == [item async for item in items]
        assert ["Done"] == sent.names
        tracked = always(aecho.__wrapped__)(log)
        await anext(tracked)
        await tracked.aclose()
        assert {"success": False, "completed": False} == sent.properties[-1]

    asyncio.run(main())
    previous = set_current(None)
    set_current(previous)
    assert previous is current()
