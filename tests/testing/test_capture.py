"""What a capture takes, and what is read from it."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from segment_integrations import Analytics, InvalidEvent
from segment_integrations.core.tap import SEAT
from segment_integrations.testing import capture
from segment_integrations.testing.gate import GATE, Gate, settlers


@pytest.fixture(name="settler")
def _settler():
    """Registers a settler, and takes it away again."""
    added = []

    def add(settler):
        added.append(settler)
        settlers.append(settler)

    yield add
    for settler in added:
        settlers.remove(settler)


def test_messages_by_call(analytics, segment_events):
    """Each kind of call has a list of its own; `messages` has them all in order."""
    analytics.identify("user-1", {"plan": "pro"})
    analytics.group("acme", user_id="user-1")
    analytics.page("Home", user_id="user-1")
    analytics.track("Done", user_id="user-1")
    analytics.screen("Start", user_id="user-1")

    types = [message["type"] for message in segment_events.messages]
    assert types == ["identify", "group", "page", "track", "screen"]
    assert segment_events.identifies == segment_events.messages[:1]
    assert segment_events.groups == segment_events.messages[1:2]
    assert segment_events.pages == segment_events.messages[2:3]
    assert segment_events.tracks == segment_events.messages[3:4]
    assert list(segment_events) == segment_events.messages
    assert len(segment_events) == 5


def test_messages_are_the_readers_own(analytics, segment_events):
    """What a test does to a message is not seen at the next reading."""
    analytics.track("Done", {"colors": ["red"]}, user_id=1)

    segment_events.messages[0]["properties"]["colors"].append("blue")
    segment_events.assert_tracked("Done")["properties"].clear()

    assert segment_events.tracks[0]["properties"] == {"colors": ["red"]}


def test_a_message_is_what_goes_over_the_wire(analytics, segment_events):
    """Processors have run, and a later change of the caller's dict has no effect."""
    properties = {"total": 3}
    analytics.track("Done", properties, user_id=1)
    properties["total"] = 4

    assert segment_events.tracks[0]["userId"] == "1"
    assert segment_events.tracks[0]["properties"] == {"total": 3}


def test_clear(analytics, segment_events):
    """It forgets the events, and the reasons of those that did not come."""
    analytics.track("Done", user_id=1)
    analytics.track("Refused")
    segment_events.clear()

    assert segment_events.messages == []
    with pytest.raises(AssertionError) as caught:
        segment_events.assert_tracked("Done")
    assert "not sent" not in str(caught.value)


def test_the_innermost_capture_gets_the_events(analytics, segment_events):
    """And the one around it those before and after."""
    analytics.track("Before", user_id=1)
    with capture() as inner:
        analytics.track("Inside", user_id=1)
    analytics.track("After", user_id=1)

    inner.assert_tracked("Inside", count=1)
    assert [one["event"] for one in inner.tracks] == ["Inside"]
    assert [one["event"] for one in segment_events.tracks] == ["Before", "After"]


def test_captures_may_end_in_any_order(analytics):
    """Ending the outer one first leaves the inner one running; twice is no error."""
    outer = capture()
    inner = capture()
    outer.stop()
    outer.stop()
    analytics.track("Done", user_id=1)
    inner.stop()
    analytics.track("Late", user_id=1)

    assert len(outer) == 0
    assert len(inner) == 1


def test_equal_captures_are_not_mixed_up(analytics):
    """Two that hold the same events end each on its own."""
    with capture() as outer:
        capture().stop()
        analytics.track("Done", user_id=1)

    assert len(outer) == 1


def test_events_of_other_threads_arrive(analytics, segment_events):
    """From a thread, and from a pool that was there before."""
    with ThreadPoolExecutor(4) as pool:
        for number in range(100):
            pool.submit(analytics.track, "Pooled", {"number": number}, user_id=1)
    thread = threading.Thread(
        target=analytics.track, args=("Threaded",), kwargs={"user_id": 1}
    )
    thread.start()
    thread.join()

    assert len(segment_events) == 101
    for number in range(100):
        segment_events.assert_tracked("Pooled", count=1, properties={"number": number})
    segment_events.assert_tracked("Threaded", count=1)


def test_a_capture_comes_before_a_sink(segment_events):
    """While it runs, the application's own sink gets nothing."""
    got = []
    sink = SimpleNamespace(put=lambda *given: got.append(given))

    with Analytics("key", sink=sink) as analytics:
        analytics.track("Captured", user_id=1)
        segment_events.stop()
        analytics.track("Put", user_id=1)

    segment_events.assert_tracked("Captured")
    assert len(segment_events) == 1
    assert len(got) == 1


def test_repr_has_no_data(analytics):
    """A failing test's report shows it, so it counts and tells nothing."""
    with capture() as events:
        assert repr(events) == "SegmentEvents(nothing)"
        analytics.track("Secret", {"a": "secret"}, user_id="secret")
        analytics.track("Secret", user_id="secret")
        analytics.identify("secret")

    assert repr(events) == "SegmentEvents(track 2, identify 1)"


def test_strict_while_a_capture_runs(analytics):
    """A wrong call fails the test; without a capture the application goes on."""
    assert analytics.track("") is None
    with capture(), pytest.raises(InvalidEvent):
        analytics.track("")
    assert analytics.track("") is None


def test_strict_as_the_application_set_it(segment_events):
    """What was set is not changed."""
    with Analytics("key", strict=False) as analytics:
        assert analytics.track("") is None


def test_settlers_are_called_before_reading(analytics, segment_events, settler):
    """A framework hands on what waits for a commit that a test never makes."""
    waiting = ["First"]

    def hand_on():
        while waiting:
            analytics.track(waiting.pop(), user_id=1)

    settler(hand_on)
    segment_events.assert_tracked("First")
    waiting.append("Second")
    assert len(segment_events) == 2
    waiting.append("Cleared")
    segment_events.clear()
    waiting.append("Last")
    segment_events.stop()

    assert [one["event"] for one in segment_events.tracks] == ["Last"]


def test_a_settler_that_fails_is_logged(analytics, segment_events, settler, caplog):
    """Without its text, and the others are called."""
    seen = []

    def fails():
        raise LookupError("secret")

    settler(fails)
    settler(lambda: seen.append(True))
    analytics.track("Done", user_id=1)

    with caplog.at_level(logging.ERROR, "segment_integrations"):
        segment_events.assert_tracked("Done")

    assert seen
    assert "LookupError" in caplog.text
    assert "secret" not in caplog.text


def test_the_gate_lets_out_what_no_test_holds():
    """Open outside pytest, closed by it, opened by a live test, shut by a capture."""
    gate = Gate()
    seat, SEAT.tap = SEAT.tap, None
    try:
        assert gate.lets_out()
        gate.is_closed = True
        assert not gate.lets_out()
        with gate.live(is_live=True):
            assert gate.lets_out()
            receiver = [].append
            gate.add(receiver)
            assert SEAT.tap is gate
            assert not gate.lets_out()
            gate.remove(receiver)
            with gate.live(is_live=False):
                assert not gate.lets_out()
            assert gate.lets_out()
        assert not gate.lets_out()
        gate.take(b"{}")  # a capture that ended this moment
    finally:
        SEAT.tap = seat


def test_this_run_is_closed():
    """The gate of the process that runs these tests."""
    assert SEAT.tap is GATE
    assert GATE.is_closed
    assert not GATE.lets_out()
