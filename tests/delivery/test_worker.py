import logging
import math

import pytest
from delivery_bench import body, names

from segment_integrations.core.ports import Answer
from segment_integrations.errors import (
    BatchRejected,
    QueueFull,
    RetriesExhausted,
    TransportError,
)


def records(caplog, level):
    return [record for record in caplog.records if record.levelno == level]


def test_the_first_message_waits_for_others(bench):
    """A lone message lingers for `flush_interval`, then goes with what came since."""
    one = bench(flush_interval=0.5)
    assert math.isinf(one.steps())
    one.put("a")
    assert one.worker.step() == 0.5
    one.clock.now += 0.25
    one.put("b")
    assert one.worker.step() == 0.25
    one.clock.now += 0.25
    assert math.isinf(one.steps())
    assert [["a", "b"]] == one.transport.sent


def test_a_full_batch_does_not_wait(bench):
    """As many messages as make a batch go at once, and the rest lingers."""
    one = bench(flush_at=2)
    one.put("a", "b", "c")
    assert one.steps() == 0.5
    assert [["a", "b"]] == one.transport.sent


def test_a_flush_ends_the_linger(bench):
    """Somebody who waits makes the worker send what there is."""
    one = bench()
    one.put("a")
    waiter = one.worker.ledger.add(1, 0, math.inf, stopping=False)
    one.steps()
    assert waiter.done.get_nowait()


def test_case_22_nothing_overtakes_a_batch_that_waits(bench):
    """While the first batch waits for its retry, those behind it are not sent."""
    one = bench(503, TransportError("no answer"), flush_at=2)
    one.put("a", "b", "c", "d")
    assert one.steps() == 0.5
    one.put("e", "f")
    one.clock.now += 0.25
    assert one.steps() == 0.25
    one.clock.now += 0.25
    assert one.steps() == 1.0
    one.clock.now += 1.0
    one.steps()
    assert [["a", "b"]] * 3 + [["c", "d"], ["e", "f"]] == one.transport.sent
    assert [0, 1, 2, 0, 0] == [batch.attempt for batch in one.transport.batches]
    assert (6, 4, 0) == (
        one.worker.delivered,
        one.worker.retried,
        one.worker.backlog.pending,
    )


def test_case_07_a_batch_is_never_given_up_by_count(bench):
    """A hundred failed attempts cost nothing as long as the batch is young."""
    one = bench(*[500] * 100)
    one.put("a")
    for _ in range(101):
        one.clock.now += one.steps()
    one.clock.now += 60
    one.steps()
    assert 1 == one.worker.delivered
    assert {} == one.drops.counts()


def test_case_08_retry_after_is_kept_to(bench):
    """No attempt is made before the time that the answer named."""
    one = bench(Answer(429, {"retry-after": "7.5"}))
    one.put("a")
    one.clock.now += 0.5
    assert one.steps() == 7.5
    one.clock.now += 7.25
    assert one.steps() == 0.25
    assert 1 == len(one.transport.sent)
    one.clock.now += 0.25
    one.steps()
    assert 1 == one.worker.delivered


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("position", [0, 37, 99])
def test_case_06_one_poison_event_costs_only_itself(bench, status, position):
    """99 of 100 arrive in order, within 2·log2(100)+2 requests; one is reported."""
    errors = []
    events = [f"e{n}" for n in range(100)]
    poison = events[position]
    answer = Answer(status, {}, b"bad event")
    one = bench(
        *[lambda batch: answer if poison in names(batch.bodies) else 200] * 100,
        on_error=errors.append,
    )
    one.put(*events)
    one.clock.now += 0.5
    one.steps()
    good = [event for event in events if event != poison]
    arrived = [names(b.bodies) for b in one.transport.batches]
    taken = [event for batch in arrived if poison not in batch for event in batch]
    assert good == taken
    assert len(arrived) <= 2 * math.log2(100) + 2
    assert {"rejected": 1} == one.drops.counts()
    (error,) = errors
    assert isinstance(error, BatchRejected)
    assert (status, "bad event") == (error.status, error.body)
    assert [poison] == [message["event"] for message in error.messages]
    assert 0 == one.worker.backlog.pending == one.worker.queue.held_bytes


def test_case_10_a_status_that_is_final_drops_the_batch(bench):
    """501 means that this will never work: dropped, counted, reported."""
    errors = []
    one = bench(501, on_error=errors.append)
    one.put("a", "b")
    one.clock.now += 0.5
    one.steps()
    assert {"rejected": 2} == one.drops.counts()
    assert [501] == [error.status for error in errors]


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_case_10_a_hold_keeps_events_and_asks_slowly(bench, caplog, status):
    """The circuit opens with one logged error, and is probed after 30, 60, ... s."""
    one = bench(*[status] * 5)
    one.put("a", "b")
    one.clock.now += 0.5
    waits = []
    for _ in range(5):
        waits.append(one.steps())
        assert "open" == one.worker.circuit
        one.clock.now += waits[-1]
    assert [30, 60, 120, 240, 300] == waits
    assert str(status) in one.worker.hold
    assert 1 == len(records(caplog, logging.ERROR))
    one.steps()
    assert ("closed", 2, {}) == (
        one.worker.circuit,
        one.worker.delivered,
        one.drops.counts(),
    )


def test_what_is_too_old_is_dropped_and_reported(bench):
    """Older than `max_age`: never sent, counted as expired, told with its cause."""
    errors = []
    fault = TransportError("no answer: ConnectionResetError")
    one = bench(fault, flush_at=2, max_age=100.0, on_error=errors.append)
    one.put("a", "b")
    one.steps()
    one.clock.now += 99
    one.put("c", "d")
    one.clock.now += 1
    one.steps()
    assert [["a", "b"], ["c", "d"]] == one.transport.sent
    assert {"expired": 2} == one.drops.counts()
    (error,) = errors
    assert isinstance(error, RetriesExhausted)
    assert (1, fault) == (error.attempts, error.__cause__)
    assert ["a", "b"] == [message["event"] for message in error.messages]


def test_a_batch_is_as_old_as_its_youngest_message(bench):
    """A batch is given up as a whole, and not before all of it is too old."""
    one = bench(401, 401, max_age=40.0, flush_interval=20.0)
    one.put("a")
    one.clock.now += 15
    one.put("b")
    one.clock.now += 5
    assert one.steps() == 30
    one.clock.now += 30
    assert one.steps() == 10
    assert {} == one.drops.counts()
    one.clock.now += 10
    one.steps()
    assert {"expired": 2} == one.drops.counts()
    assert [["a", "b"]] * 2 == one.transport.sent


def test_what_expires_in_the_queue_was_never_tried(bench):
    """Messages that never left the queue expire too, without an attempt."""
    errors = []
    one = bench(max_age=10.0, flush_at=1, on_error=errors.append)
    one.put("a")
    one.clock.now += 10
    one.steps()
    assert [] == one.transport.sent
    assert [0] == [error.attempts for error in errors]


def test_a_transport_that_fails_otherwise_is_tried_again(bench):
    """A bug in a user's transport costs no event, and its text is not told."""
    one = bench(ValueError("user-1"))
    one.put("a")
    one.clock.now += 0.5
    assert one.steps() == 0.5
    assert "ValueError" == one.worker.last_error
    one.clock.now += 0.5
    one.steps()
    assert 1 == one.worker.delivered


def test_what_is_abandoned_in_flight_is_not_counted_twice(bench):
    """Given up during an attempt that then succeeds: counted as given up only."""
    left = []
    one = bench(lambda _: left.append(one.worker.abandon()) or 200, flush_at=2)
    one.put("a", "b", "c")
    one.steps()
    assert ([(3, 0)], 0, 0) == (left, one.worker.delivered, one.worker.backlog.pending)
    assert 0 == one.worker.queue.held_bytes


def test_what_is_abandoned_before_its_turn_is_not_sent(bench):
    """Given up by a hook that runs before the attempt: nothing is sent."""
    one = bench()
    one.put("a")
    one.clock.now += 0.5
    one.worker.hooks.post(one.worker.abandon)
    one.steps()
    assert [] == one.transport.sent


@pytest.mark.parametrize("reason", ["delivered", "expired", "rejected"])
def test_case_23_hooks_cannot_hurt_the_worker(bench, caplog, reason):
    """A hook that raises is logged by type and place; delivery goes on."""

    def hook(_):
        raise ValueError("user-1")

    one = bench(
        501 if reason == "rejected" else 200,
        on_error=hook,
        on_delivered=hook,
        max_age=1.0,
    )
    one.put("a")
    one.clock.now += 2 if reason == "expired" else 0.5
    one.steps()
    one.put("b")
    one.clock.now += 0.5
    one.steps()
    assert ["b"] == one.transport.sent[-1]
    assert "ValueError" in caplog.text
    assert "user-1" not in caplog.text


def test_case_23_delivered_messages_are_handed_over(bench):
    """`on_delivered` gets the decoded messages of each batch, in order."""
    got = []
    one = bench(on_delivered=got.append, flush_at=2)
    one.put("a", "b", "c", "d")
    one.steps()
    assert [["a", "b"], ["c", "d"]] == [[m["event"] for m in batch] for batch in got]


def test_overflow_is_reported_in_one_error(bench):
    """What the budget cost reaches `on_error` together, with the newest hundred."""
    errors = []
    one = bench(on_error=errors.append)
    for n in range(150):
        one.worker.hooks.full(body(str(n)))
    assert one.tokens
    one.steps()
    (error,) = errors
    assert isinstance(error, QueueFull)
    assert [str(n) for n in range(50, 150)] == [m["event"] for m in error.messages]


def test_hooks_that_wait_are_bounded(bench, caplog, monkeypatch):
    """A flood of calls while a request is in flight is cut, with a log line."""
    monkeypatch.setattr("segment_integrations.delivery.hooks.HOOKS_MAX", 3)
    ran = []
    one = bench()
    for n in range(5):
        one.worker.hooks.post(lambda n=n: ran.append(n))
    one.steps()
    assert [0, 1, 2] == ran
    assert 1 == len(records(caplog, logging.WARNING))


def test_a_retry_is_logged_without_data(bench, caplog):
    """The log of a failed attempt has status and count, and nothing of the events."""
    one = bench(503)
    one.put("secret-event")
    one.clock.now += 0.5
    one.steps()
    assert "503" in caplog.text
    assert "secret" not in caplog.text


def test_an_attempt_is_shortened_for_who_stops(bench):
    """While the process stops, an attempt gets what remains, and a little at least."""
    one = bench(503, 503, timeout=10.0)
    one.put("a")
    one.worker.ledger.add(1, 0, one.clock.now + 2, stopping=True)
    one.steps()
    one.clock.now += 1.99
    one.steps()
    one.put("b")
    assert [2.0, 0.05] == [batch.timeout for batch in one.transport.batches]


def test_a_flush_does_not_shorten_attempts(bench):
    """A flush may end before an attempt does, which then still delivers."""
    one = bench(timeout=10.0)
    one.put("a")
    one.worker.ledger.add(1, 0, one.clock.now + 0.1, stopping=False)
    one.steps()
    assert [10.0] == [batch.timeout for batch in one.transport.batches]


def test_a_flush_does_not_wait_for_what_cannot_come(bench):
    """When the next attempt is after the deadline, the flush is told at once."""
    one = bench(401)
    one.put("a")
    waiter = one.worker.ledger.add(1, 0, one.clock.now + 5, stopping=False)
    one.steps()
    assert not waiter.done.get_nowait()
    assert not one.worker.ledger.is_awaited


def test_case_16_a_flush_is_told_of_losses_once(bench):
    """Losses since the last flush make one False, also when they came before it."""
    one = bench(501)
    one.put("a")
    one.clock.now += 0.5
    one.steps()
    one.put("b")

    def flushed():
        waiter = one.worker.ledger.add(
            one.worker.queue.accepted, 0, math.inf, stopping=False
        )
        one.steps()
        return waiter.done.get_nowait()

    assert [False, True] == [flushed(), flushed()]


def test_case_16_two_flushes_are_served_by_the_same_sending(bench):
    """Each flush waits for what was put before it, and both see what was lost."""
    one = bench(200, 501, flush_at=1)
    one.put("a")
    first = one.worker.ledger.add(1, 0, math.inf, stopping=False)
    one.put("b")
    second = one.worker.ledger.add(2, 0, math.inf, stopping=False)
    third = one.worker.ledger.add(2, 0, math.inf, stopping=False)
    one.steps()
    assert [True, False, False] == [
        waiter.done.get_nowait() for waiter in (first, second, third)
    ]
