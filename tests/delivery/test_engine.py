import gc
import logging
import math
import os
import threading
import warnings
import weakref

import pytest
from delivery_bench import DEFAULTS, KEY, Scripted, body

from segment_integrations.core.counters import Drops, Throttle
from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.ports import Sink
from segment_integrations.core.stats import Health
from segment_integrations.delivery import exit as process_exit
from segment_integrations.delivery import running
from segment_integrations.delivery.engine import Delivery
from segment_integrations.delivery.options import Options
from segment_integrations.errors import QueueFull

SLACK = 10.0  # for a slow machine; every wait ends far earlier


def put(delivery, *events):
    return [delivery.put(body(event), {}) for event in events]


def accounted(delivery):
    """Whether each message is delivered, pending or dropped: exactly one of them."""
    stats = delivery.stats()
    parts = stats.delivered + stats.pending_events + stats.dead
    return stats.enqueued == parts + sum(stats.dropped.values())


def within(call, timeout):
    """Run *call* on a thread, so that one that hangs fails the test; its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(timeout + SLACK)
    assert results, "it hangs"
    return results[0]


def test_messages_arrive_in_order(collector, deliver):
    """What is put arrives once, in the order of the calls, and is accounted."""
    target = collector()
    delivery = deliver(target, flush_at=100)
    events = [f"e{n}" for n in range(1_050)]
    assert all(put(delivery, *events))
    assert delivery.flush(SLACK)
    assert events == target.events
    assert 1 == target.connections
    stats = delivery.stats()
    assert (1_050, 1_050, 0, 0) == (
        stats.enqueued,
        stats.delivered,
        stats.pending_events,
        stats.pending_bytes,
    )
    assert (0.0, None, "closed", {}) == (
        stats.oldest_age_s,
        stats.last_error,
        stats.circuit,
        stats.dropped,
    )


def test_it_is_a_sink(deliver):
    """`Delivery` fits the port that a user's own sink would fit."""
    assert isinstance(deliver(Scripted()), Sink)


def test_a_message_goes_without_a_flush(collector, deliver, eventually):
    """The linger ends by itself."""
    target = collector()
    put(deliver(target), "a")
    eventually(lambda: target.events == ["a"])


def test_nothing_runs_before_the_first_message(deliver):
    """No thread is started before something is put, and flush and close are free."""
    delivery = deliver(Scripted())
    assert delivery.flush(SLACK)
    assert delivery.drain(SLACK)
    assert 0 == delivery.close(SLACK)
    assert [None] == delivery._running._free


def test_case_09_a_second_copy_has_the_same_ids(collector, deliver):
    """Taken, then reset or cut short: sent again with equal bytes and a new sentAt."""
    target = collector("drop", "cut")
    delivery = deliver(target, rand=lambda: 0.01, flush_interval=60.0)
    put(delivery, "a", "b")
    assert delivery.flush(SLACK)
    first, second, third = (request.document for request in target.requests)
    assert first["batch"] == second["batch"] == third["batch"]
    assert [None, "1", "2"] == [
        request.headers.get("x-retry-count") for request in target.requests
    ]
    assert 4 == delivery.stats().retried
    assert delivery.stats().last_error


def test_case_07_an_outage_costs_nothing(collector, deliver):
    """503s, resets and cut answers: all arrives, in order of the calls."""
    target = collector(503, "reset", 500, 429, "cut", 408, 502)
    delivered = []
    delivery = deliver(
        target, flush_at=10, rand=lambda: 0.001, on_delivered=delivered.extend
    )
    events = [f"e{n}" for n in range(50)]
    put(delivery, *events)
    assert delivery.flush(SLACK)
    assert events == [message["event"] for message in delivered]
    assert accounted(delivery)


def test_case_10_a_wrong_key_is_told_by_health(collector, deliver, eventually):
    """401: the circuit opens, events are kept, and health says what to look at."""
    target = collector(default=401)
    delivery = deliver(target)
    assert Health() == delivery.health()
    put(delivery, "a")
    eventually(lambda: delivery.stats().circuit == "open")
    eventually(lambda: not delivery.health().ok)
    assert Health(ok=False, reason="401: check the write key") == delivery.health()
    assert not delivery.flush(5)
    assert 1 == delivery.stats().pending_events
    assert 1 == len(target.requests)
    assert "401" == delivery.stats().last_error


def test_case_16_a_flush_covers_what_is_in_flight(collector, deliver, eventually):
    """A flush that comes during a request waits for its end."""
    answered = threading.Event()
    target = collector(lambda _: answered.wait(SLACK) and 200)
    delivery = deliver(target)
    put(delivery, "a")
    eventually(lambda: target.requests)
    flushed = []
    threads = [
        threading.Thread(target=lambda: flushed.append(delivery.flush(SLACK)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert not delivery.flush(0.05)
    assert [] == flushed
    answered.set()
    for thread in threads:
        thread.join(SLACK)
    assert [True, True] == flushed
    assert 1 == len(target.requests)


def test_case_16_a_flush_tells_of_losses(collector, deliver):
    """What was rejected makes the flush after it False, and the next one True."""
    delivery = deliver(collector(400))
    put(delivery, "a")
    assert not delivery.flush(SLACK)
    put(delivery, "b")
    assert delivery.flush(SLACK)
    assert {"rejected": 1} == delivery.stats().dropped


def test_case_15_flush_and_close_end_while_the_collector_hangs(
    collector, deliver, eventually
):
    """Both give up at their deadline, and close says how many are left."""
    target = collector(default="hang")
    drops = Drops(Throttle())
    delivery = deliver(target, drops=drops)
    put(delivery, "a", "b", "c")
    eventually(lambda: target.requests)
    assert not within(lambda: delivery.flush(0.2), 0.2)
    assert 3 == within(lambda: delivery.close(0.2), 0.2)
    assert {"closed": 3} == drops.counts()
    assert 0 == delivery.stats().pending_events == delivery.stats().pending_bytes


@pytest.mark.parametrize("end", ["flush", "close"])
def test_a_wait_is_as_long_as_it_was_told_to_be(collector, deliver, monkeypatch, end):
    """One wait of the platform's is bounded; flush and close go on with another."""
    monkeypatch.setattr(running, "SLEEP_MAX_S", 0.01)
    delivery = deliver(collector(503))
    put(delivery, "a")
    result = getattr(delivery, end)(SLACK)
    assert (True if end == "flush" else 0) == result
    assert (1, {}) == (delivery.stats().delivered, delivery.stats().dropped)


def test_a_closed_delivery_refuses_and_counts(collector, deliver, caplog):
    """After close every put is refused as closed, and a second close finds nothing."""
    delivery = deliver(collector())
    put(delivery, "a")
    assert 0 == delivery.close(SLACK)
    assert [False, False] == put(delivery, "b", "c")
    assert 0 == delivery.close(SLACK)
    assert {"closed": 2} == delivery.stats().dropped
    assert 1 == delivery.stats().delivered
    assert Health(ok=False, reason="closed") == delivery.health()
    assert accounted(delivery)
    assert 1 == len(caplog.records)


def test_a_put_that_races_with_close_is_accounted(deliver):
    """A message put while close ends is delivered or counted, never forgotten."""
    delivery = deliver(Scripted())
    counts = []
    go = threading.Barrier(5)

    def work():
        go.wait(SLACK)
        counts.append(sum(put(delivery, *"abcdefghij" * 20)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.wait(SLACK)
    delivery.close(SLACK)
    for thread in threads:
        thread.join(SLACK)
    assert 800 == delivery.stats().enqueued
    assert 0 == delivery.stats().pending_events
    assert accounted(delivery)


def test_a_put_after_the_end_of_close_is_not_forgotten(deliver, eventually):
    """A message that comes in behind close's back is sent or given up, and counted."""
    delivery = deliver(Scripted())
    delivery.close(0)
    delivery._running.queue.closed = False
    is_taken = delivery.put(body("late"), {})
    eventually(lambda: 0 == delivery.stats().pending_events)
    stats = delivery.stats()
    assert (
        (1, {}) == (stats.delivered, stats.dropped)
        if is_taken
        else (
            0,
            {"closed": 1},
        )
        == (stats.delivered, stats.dropped)
    )


@pytest.mark.parametrize("overflow", ["drop_newest", "drop_oldest"])
def test_case_04_a_full_queue_is_told_and_accounted(
    collector, deliver, eventually, overflow
):
    """Over the budget, messages are dropped by policy, counted and reported."""
    target = collector("hang")
    errors, dropped = [], []
    drops = Drops(Throttle(), lambda reason, count: dropped.append((reason, count)))
    delivery = deliver(
        target,
        drops=drops,
        queue_bytes=10 * len(body("e0")),
        overflow=overflow,
        on_error=errors.append,
    )
    put(delivery, "e0")
    eventually(lambda: target.requests)
    accepted = put(delivery, *[f"e{n}" for n in range(1, 10)] + ["x1", "x2"])
    assert [True] * 9 + [overflow == "drop_oldest"] * 2 == accepted
    assert [("queue_full", 1)] * 2 == dropped
    assert 10 == delivery.stats().pending_events
    assert 10 * len(body("e0")) == delivery.stats().pending_bytes
    assert delivery.stats().oldest_age_s >= 0
    assert accounted(delivery)
    target.released.set()
    assert not delivery.flush(SLACK)
    lost = ["x1", "x2"] if overflow == "drop_newest" else ["e1", "e2"]
    assert all(isinstance(error, QueueFull) for error in errors)
    assert lost == [m["event"] for error in errors for m in error.messages]
    assert delivery.flush(SLACK)


def test_case_05_an_event_over_the_limit_is_refused_alone(deliver):
    """A body over 32 KiB is dropped at the call; its neighbours go."""
    delivery = deliver(Scripted())
    assert put(delivery, "a") == [True]
    assert not delivery.put(b"x" * (EVENT_MAX_BYTES + 1), {})
    delivery.flush(SLACK)
    assert {"too_large": 1} == delivery.stats().dropped
    assert accounted(delivery)


def test_case_05_large_events_all_arrive(collector, deliver):
    """A hundred events of 31 KB travel in bodies below 500,000 bytes."""
    target = collector()
    delivery = deliver(target, gzip=False)
    for n in range(100):
        assert delivery.put(body(f"e{n}", pad=31_000), {})
    assert delivery.flush(SLACK)
    assert 100 == len(target.events)
    assert max(len(request.body) for request in target.requests) < 500_000


def test_case_23_hooks_run_on_the_worker(deliver):
    """`notify`, `on_delivered` and `on_error` run on the one thread, guarded."""
    threads = []
    done = threading.Event()

    def note(*_):
        threads.append(threading.current_thread().name)

    delivery = deliver(Scripted(501), on_error=note, on_delivered=note)
    delivery.notify(note)
    delivery.notify(lambda: 1 / 0)
    put(delivery, "a")
    delivery.flush(SLACK)
    put(delivery, "b")
    delivery.flush(SLACK)
    delivery.notify(done.set)
    assert done.wait(SLACK)
    assert ["segment-integrations"] * 3 == threads


def test_a_hook_runs_after_close_as_well(deliver):
    """What is dropped after close still reaches `notify`'s hooks."""
    delivery = deliver(Scripted())
    put(delivery, "a")
    delivery.close(SLACK)
    for _ in range(3):
        done = threading.Event()
        delivery.notify(done.set)
        assert done.wait(SLACK)


def test_a_hook_may_flush_and_close(deliver):
    """On the worker itself nobody can wait: flush and close return at once."""
    results = []
    drops = Drops(Throttle())

    def hook(_):
        results.append(delivery.flush(math.inf))
        results.append(delivery.close(math.inf))

    delivery = deliver(Scripted(), drops=drops, on_delivered=hook, flush_at=1)
    put(delivery, "a")
    delivery._running.finish(delivery._running.begin(SLACK, stopping=False))
    assert [False, 0] == results


def test_case_01_a_finalizer_may_put(collector, deliver, eventually):
    """Garbage that tracks when it is collected, during puts too, does no harm."""
    target = collector()
    delivery = deliver(target)
    finalized = []

    class Garbage:
        def __init__(self):
            self.me = self

        def __del__(self):
            put(delivery, "finalized")
            finalized.append(1)

    threshold = gc.get_threshold()
    gc.set_threshold(7)
    try:
        for _ in range(300):
            Garbage()
            put(delivery, "called")
    finally:
        gc.set_threshold(*threshold)
    # Another thread may be the one that collects: then `collect` returns at once.
    eventually(lambda: gc.collect() == 0 and len(finalized) == 300)
    assert delivery.flush(SLACK)
    assert 300 == target.events.count("called") == target.events.count("finalized")


@pytest.fixture
def threadless(monkeypatch):
    """Let no worker thread start, as at the interpreter's end."""
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "segment-integrations":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_case_15_all_clients_share_one_deadline_at_the_exit(
    collector, deliver, monkeypatch
):
    """A client that hangs costs another one nothing, and its rest is counted."""
    monkeypatch.setattr(process_exit, "_deadlines", {})
    monkeypatch.setattr(process_exit, "_watched", weakref.WeakSet())
    monkeypatch.setattr(process_exit, "EXIT_DRAIN_S", 0.3)
    target = collector()
    hanging = deliver(collector(default="hang"), flush_interval=60.0)
    working = deliver(target, flush_interval=60.0)
    put(hanging, "a", "b")
    put(working, "c")
    within(process_exit.drain, 0.3)
    within(process_exit.drain, 0)
    assert {"exit": 2} == hanging.stats().dropped
    assert {} == working.stats().dropped
    assert ["c"] == target.events
    assert accounted(hanging)


def test_case_12_a_cleared_finalizer_is_armed_again(deliver, monkeypatch):
    """`multiprocessing` clears its finalizers as a child starts: the next put arms."""
    util = pytest.importorskip("multiprocessing.util")
    monkeypatch.setattr(process_exit, "_finalizers", {})
    delivery = deliver(Scripted())
    put(delivery, "a")
    (first,) = process_exit._finalizers.values()
    delivery.flush(SLACK)
    put(delivery, "b")
    assert [first] == list(process_exit._finalizers.values())
    first.cancel()
    delivery.flush(SLACK)
    put(delivery, "c")
    (second,) = process_exit._finalizers.values()
    assert isinstance(second, util.Finalize)
    assert second.still_active()
    second.cancel()


@pytest.mark.parametrize("hook", [True, False])
def test_case_11_a_new_process_id_means_a_new_start(deliver, monkeypatch, hook):
    """With Python's fork hooks or without: nothing of the parent's is the child's."""
    transport = Scripted()
    delivery = deliver(transport, flush_interval=60.0)
    put(delivery, "parent")
    parent = delivery._running
    if hook:
        delivery._forked()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert 0 == delivery.stats().enqueued
    put(delivery, "child")
    assert delivery.flush(SLACK)
    assert [["child"]] == transport.sent
    assert (1, 0) == parent.worker.abandon()


def test_without_threads_the_caller_sends(collector, deliver, threadless):
    """Where no thread can be started, flush and close make the turns themselves."""
    target = collector(503)
    delivery = deliver(target, rand=lambda: 0.1)
    assert put(delivery, "a") == [True]
    assert delivery.flush(SLACK)
    assert ["a", "a"] == target.events
    put(delivery, "b")
    assert 0 == delivery.close(SLACK)


def test_case_15_without_threads_a_hang_ends_too(collector, deliver, threadless):
    """Turns made by the caller end at the deadline, and a second drain joins in."""
    delivery = deliver(collector(default="hang"))
    put(delivery, "a")
    other = threading.Thread(target=lambda: delivery.drain(0.3))
    other.start()
    assert not within(lambda: delivery.drain(0.2), 0.2)
    other.join(SLACK)
    assert 1 == within(lambda: delivery.close(0.1), 0.1)


def test_a_fault_of_our_own_does_not_end_the_worker(deliver, monkeypatch, caplog):
    """A turn that fails is logged, and the next one works."""
    monkeypatch.setattr("segment_integrations.delivery.running.FAULT_PAUSE_S", 0.01)
    delivery = deliver(Scripted())
    step = delivery._running.worker.step
    faults = [KeyError("user-1")]

    def flaky():
        if faults:
            raise faults.pop()
        return step()

    monkeypatch.setattr(delivery._running.worker, "step", flaky)
    put(delivery, "a")
    assert delivery.flush(SLACK)
    assert "delivery failed with KeyError" in caplog.text
    assert "user-1" not in caplog.text


def test_a_transport_that_fails_to_close_is_logged(deliver, caplog):
    """A transport's own trouble at the end does not reach the caller."""
    transport = Scripted()
    transport.close = lambda: 1 / 0
    assert 0 == deliver(transport).close(SLACK)
    assert "ZeroDivisionError" in caplog.text


def test_an_unclosed_delivery_warns_and_still_sends(eventually):
    """Forgotten with pending messages: a ResourceWarning, and they are sent."""
    transport = Scripted()
    throttle = Throttle()
    delivery = Delivery(
        transport,
        Options(**{**DEFAULTS, "flush_interval": 60.0}),
        drops=Drops(throttle),
        throttle=throttle,
    )
    put(delivery, "a")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del delivery
        gc.collect()
    assert [ResourceWarning] == [warning.category for warning in caught]
    eventually(lambda: transport.sent == [["a"]])


def test_the_repr_shows_counts_and_no_key(collector, deliver):
    """The repr tells how much waits, and only the beginning of the key."""
    target = collector(default="hang")
    delivery = deliver(target)
    put(delivery, "a", "b")
    assert repr(delivery).startswith("Delivery(HttpTransport(write_key='writ…'")
    assert repr(delivery).endswith("pending=2)")
    assert KEY not in repr(delivery)


def test_no_log_line_has_data(collector, deliver, caplog):
    """Through failure, refusal and close, no log line has a name, an id or the key."""
    caplog.set_level(logging.DEBUG, logger="segment_integrations")
    delivery = deliver(collector(503, 401), rand=lambda: 0.01)
    put(delivery, "secret-event")
    delivery.flush(0.3)
    delivery.close(0.1)
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("segment")]
    assert 3 == len(lines)
    assert not [line for line in lines if "secret" in line or KEY in line]
