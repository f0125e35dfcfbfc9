"""What was dropped is counted by reason, and said once a minute for each."""

from __future__ import annotations

import logging
import os
import signal
import threading

import pytest

from segment_integrations import Analytics
from segment_integrations.core.counters import LOG_INTERVAL_S, Drops, Throttle


class Clock:
    """A clock that stands."""

    now = 1_000.0

    def __call__(self):
        return self.now


def test_each_kind_of_drop_has_one_line_a_minute(caplog):
    """A flood of each of four kinds is four lines, and four more after the interval."""
    caplog.set_level(logging.WARNING, logger="segment_integrations")
    clock = Clock()
    drops = Drops(Throttle(clock))
    kinds = ["no_identity", "invalid", "queue_full", "too_large"]
    for _ in range(100):
        for kind in kinds:
            drops.add(kind)
    clock.now += LOG_INTERVAL_S
    for kind in kinds:
        drops.add(kind)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        *[f"1 message(s) not sent: {kind}" for kind in kinds],
        *[
            f"1 message(s) not sent: {kind} (99 more since the last such line)"
            for kind in kinds
        ],
    ]
    assert dict.fromkeys(kinds, 101) == drops.counts()


def test_drops_that_were_wanted_are_quiet(caplog):
    """What the application asked for is counted, and logged at DEBUG only."""
    caplog.set_level(logging.DEBUG, logger="segment_integrations")
    with Analytics("key", strict=False, processors=[lambda _: None]) as analytics:
        for _ in range(3):
            analytics.track("Seen", user_id="u-1")
        assert {"processor": 3} == dict(analytics.stats().dropped)
    (record,) = caplog.records
    assert logging.DEBUG == record.levelno


def test_a_line_about_a_drop_has_no_data(caplog):
    """What is wrong with an event is said without what is in it."""
    with Analytics("key", strict=False) as analytics:
        analytics.track("Ada Secret", {"email": "ada@example.com"}, user_id={"a": "b"})
        analytics.track("Ada Secret", {"blob": "ada@example.com" * 4_000}, user_id="u")
    assert 2 == len(caplog.records)
    for record in caplog.records:
        assert "ada" not in record.getMessage().lower()


class Slow(str):
    """A reason that takes its time to be counted."""

    __slots__ = ("begun", "go_on")

    def __hash__(self):
        self.begun.set()
        self.go_on.wait(30)
        return super().__hash__()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12: threads and fork
def test_a_fork_while_a_drop_is_counted_does_not_hang_the_child():
    """With a sink of one's own too, a child counts its own drops, from nothing on."""

    class Nothing:
        def put(self, body, message):
            pass

    with Analytics("key", sink=Nothing(), strict=False) as analytics:
        analytics.track("Seen")
        slow = Slow("slow")
        slow.begun, slow.go_on = threading.Event(), threading.Event()
        thread = threading.Thread(target=analytics.drops.add, args=(slow,))
        thread.start()
        assert slow.begun.wait(30)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            analytics.track("Seen")
            is_right = analytics.stats().dropped == {"no_identity": 1}
            os._exit(0 if is_right else 1)
        status = os.waitpid(child, 0)[1]
        slow.go_on.set()
        thread.join()
    assert 0 == os.waitstatus_to_exitcode(status)
