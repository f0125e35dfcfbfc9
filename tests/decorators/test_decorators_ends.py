"""When `tracks` emits: which ends of a call count, in which order, and for whom."""

import asyncio
import contextlib
import inspect

import pytest

from segment_integrations import Analytics, InvalidEvent, current, tracks
from segment_integrations.core.counters import Throttle

done = tracks("Done")
always = tracks("Done", when="always")


def plain(number):
    return f"{number}x"


async def collected(items):
    return [item async for item in items]


class OopsError(Exception):
    pass


ENDS = [OopsError(), KeyboardInterrupt(), SystemExit(), asyncio.CancelledError()]


@pytest.mark.parametrize("error", ENDS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("when", ["success", "start", "always"])
@pytest.mark.parametrize("kind", ["plain", "coroutine", "generator", "async generator"])
def test_de3_exceptions_pass_untouched(kind, when, error, sent):
    """DE-3: the same exception object comes out, and nothing claims success."""

    def plain():
        raise error

    async def coroutine():
        await asyncio.sleep(0)
        raise error

    def generator():
        yield 1
        raise error

    async def async_generator():
        yield 1
        raise error

    function = tracks("Done", when=when)(locals()[kind.replace(" ", "_")])

    def step():
        result = function()
        if inspect.isasyncgen(result):
            result = collected(result)
        if inspect.iscoroutine(result):
            with contextlib.suppress(StopIteration):
                while True:
                    result.send(None)
        return list(result)

    with pytest.raises(type(error)) as caught:
        step()
    assert error is caught.value
    assert error.__context__ is None
    expected = {
        "success": [],
        "start": [{}],
        "always": [{"success": False, "error_type": type(error).__name__}],
    }
    assert expected[when] == sent.properties


def test_de3_a_coroutine_from_a_plain_function_may_fail(sent):
    """DE-3: async code behind a plain function is followed to its end as well."""
    error = OopsError()

    async def later():
        raise error

    with pytest.raises(OopsError) as caught:
        asyncio.run(always(lambda: later())())  # noqa: PLW0108 - a plain function
    assert error is caught.value
    assert [{"success": False, "error_type": "OopsError"}] == sent.properties


def test_de3_a_cancelled_task_sends_nothing(sent):
    """DE-3: cancelling the task while it waits is no success."""

    @done
    async def work():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [] == sent.names


class Response:
    def __init__(self, status):
        self.status_code = status


@pytest.mark.parametrize(
    ("status", "is_success"),
    [(200, True), (302, True), (399, True), (400, False), (503, False), ("404", True)],
)
def test_a_returned_error_response_is_a_failure(status, is_success, sent):
    """A response with a status of 400 or more is no success, and passes unchanged."""
    response = Response(status)
    assert done(lambda: response)() is response
    assert is_success == bool(sent.names)
    always(lambda: response)()
    assert {"success": is_success} == sent.properties[-1]


def test_a_status_that_can_not_be_read_is_none(sent):
    """A response whose status raises is treated as any other result."""

    class Strange:
        @property
        def status_code(self):
            raise OopsError

    assert isinstance(done(Strange.__call__)(), Strange)
    assert ["Done"] == sent.names


def test_start_comes_before_the_body(sent):
    """With ``when="start"`` the only event is there when the body begins."""

    @tracks("Begun", when="start")
    def work():
        return list(sent.names)

    assert ["Begun"] == work() == sent.names


def test_de5_stacked_gives_two_inner_first(sent):
    """DE-5: two decorators send two events, the inner one's first."""
    tracks("Outer")(tracks("Inner")(plain))(1)
    assert ["Inner", "Outer"] == sent.names


def test_de5_recursion_gives_one_per_call(sent):
    """DE-5: a function that calls itself sends an event for each call."""

    @done
    def down(n):
        return n and down(n - 1)

    down(3)
    assert 4 == len(sent.names)


def test_identity_is_read_when_the_event_is_sent(sent):
    """A login inside the function counts."""

    @done
    def login():
        current().set_user("user-2")

    login()
    assert "user-2" == sent.messages[0]["userId"]


def test_without_any_analytics_nothing_happens(monkeypatch):
    """Where no `Analytics` can be made, a decorated function is just the function."""
    monkeypatch.setattr("segment_integrations.decorators.analytics_now", lambda: None)
    assert "1x" == done(plain)(1)


def test_an_error_of_ours_reaches_nobody(monkeypatch, caplog):
    """What fails inside is logged without its text; result and error are unaffected."""

    def broken():
        raise OopsError("secret")

    def raising():
        raise KeyboardInterrupt

    monkeypatch.setattr("segment_integrations.decorators._throttle", Throttle())
    monkeypatch.setattr("segment_integrations.decorators.analytics_now", broken)
    assert "1x" == done(plain)(1)
    with pytest.raises(KeyboardInterrupt):
        always(raising)()
    assert 1 == len(caplog.records)
    assert "secret" not in caplog.text


def test_strict_mode_raises_as_track_itself(recorder):
    """In strict mode an invalid event is raised, unless the function's own error is."""

    def work(fails):
        if fails:
            raise OopsError

    with Analytics(sink=recorder, strict=True) as analytics, analytics.bind(user_id=1):
        huge = tracks("Done", properties={"x": "y" * 40_000}, when="always")
        with pytest.raises(InvalidEvent, match="40"):
            huge(work)(False)
        with pytest.raises(OopsError):
            huge(work)(True)


def test_a_computed_key_is_in_no_log(sent, caplog):
    """A key that a function made may be data; the warning is one, whatever the key."""

    @tracks("Done", properties=lambda result: {f"{result}@example.com": object()})
    def done(number):
        return number

    for number in range(3):
        done(number)
    assert [{}] * 3 == sent.properties
    (record,) = caplog.records
    assert "a computed property of 'Done' is left out" in record.getMessage()
    assert "@example.com" not in caplog.text
