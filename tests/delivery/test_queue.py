import itertools
import json
import signal
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from delivery_bench import body, names
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_integrations.core.message import BATCH_MAX_BYTES, EVENT_MAX_BYTES
from segment_integrations.delivery.batch import (
    BODIES_MAX_BYTES,
    count_limit,
    envelope,
    split,
)
from segment_integrations.delivery.queue import ByteQueue

KEY = "k" * 64


def make(max_bytes=10**9, overflow="drop_newest", *, full_at=500, wake=lambda: None):
    return ByteQueue(max_bytes, overflow, full_at=full_at, clock=lambda: 0.0, wake=wake)


def drain(queue, max_count):
    batches = []
    while entries := queue.take(max_count):
        batches.append([entry.body for entry in entries])
    return batches


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(2, EVENT_MAX_BYTES), max_size=120),
    flush_at=st.integers(1, 5_000),
)
def test_case_05_packing_loses_nothing_and_keeps_every_limit(sizes, flush_at):
    """Batches hold all messages in order, within the limits of bytes and count."""
    queue = make()
    bodies = [b"%d" % (n % 10) * size for n, size in enumerate(sizes)]
    for one in bodies:
        assert queue.offer(one)
    limit = count_limit(flush_at)
    batches = drain(queue, limit)
    assert bodies == [one for batch in batches for one in batch]
    now = datetime.now(UTC)
    for batch in batches:
        assert 1 <= len(batch) <= min(flush_at, 2_500)
        assert len(envelope(batch, KEY, now)) <= 480_000 < BATCH_MAX_BYTES
    for batch, following in itertools.pairwise(batches):
        grown = sum(len(one) + 1 for one in [*batch, following[0]])
        assert len(batch) == limit or grown > BODIES_MAX_BYTES


def test_the_envelope_holds_the_bodies_as_they_are():
    """The request body joins the frozen bodies; only the envelope is new."""
    bodies = [b'{"a": 1.50}', b'{"b":"\xc3\xa9"}']
    sent_at = datetime(2026, 1, 2, 3, 4, 5, 6789, timezone(timedelta(hours=1)))
    whole = envelope(bodies, 'k"1', sent_at)
    assert b",".join(bodies) in whole
    assert json.loads(whole) == {
        "batch": [{"a": 1.5}, {"b": "é"}],
        "sentAt": "2026-01-02T02:04:05.006Z",
        "writeKey": 'k"1',
    }


@given(st.lists(st.integers(), min_size=2))
def test_a_split_keeps_the_order(messages):
    """Two halves, neither of them empty, are together what was split."""
    first, second = split(tuple(messages))
    assert messages == [*first, *second]
    assert 0 <= len(first) - len(second) <= 1


@settings(deadline=None)
@given(
    overflow=st.sampled_from(["drop_newest", "drop_oldest"]),
    moves=st.lists(
        st.one_of(st.integers(1, 60), st.sampled_from(["take", "release"])),
        max_size=60,
    ),
)
def test_case_04_the_budget_holds_and_everything_is_accounted(overflow, moves):
    """Whatever is put and taken: within the budget, nothing twice, nothing lost."""
    queue = make(100, overflow)
    taken, released, accepted = [], [], 0
    for move in moves:
        if move == "take":
            taken += queue.take(3)
        elif move == "release":
            queue.release(sum(len(entry.body) for entry in taken))
            released += taken
            taken = []
        else:
            accepted += queue.offer(b"x" * move)
        assert queue.held_bytes <= 100
    left = queue.take(10**6)
    numbers = [entry.number for entry in [*released, *taken, *left]]
    gone = [entry.number for entry, reason in queue.refused]
    assert sorted(numbers) == numbers
    assert list(range(1, queue.offered + 1)) == sorted(numbers + gone)
    if overflow == "drop_newest":
        assert accepted == len(numbers)


def test_drop_newest_refuses_what_does_not_fit():
    """With `drop_newest` the first stay, and the caller is told."""
    queue = make(3 * len(body("a")))
    assert [True, True, True, False] == [queue.offer(body(name)) for name in "abcd"]
    assert [["a", "b", "c"]] == [names(batch) for batch in drain(queue, 500)]


def test_drop_oldest_makes_room_for_what_comes():
    """With `drop_oldest` the last stay, and those that left are told."""
    queue = make(3 * len(body("a")), "drop_oldest")
    assert all(queue.offer(body(name)) for name in "abcd")
    assert [["b", "c", "d"]] == [names(batch) for batch in drain(queue, 500)]
    assert [("a", "queue_full")] == [
        (*names([entry.body]), reason) for entry, reason in queue.refused
    ]


def test_drop_oldest_does_not_take_from_the_worker():
    """What is in flight keeps its place in the budget: then the newcomer must go."""
    queue = make(100, "drop_oldest")
    assert queue.offer(b"x" * 80)
    assert queue.take(1)
    assert not queue.offer(b"y" * 40)
    assert not queue.offer(b"z" * 101)


@pytest.mark.parametrize(
    ("closed", "size", "reason"),
    [(True, 1, "closed"), (False, EVENT_MAX_BYTES + 1, "too_large")],
)
def test_what_cannot_be_sent_is_refused_with_its_reason(closed, size, reason):
    """A closed queue and a message over Segment's limit have their own reasons."""
    queue = make()
    queue.closed = closed
    assert not queue.offer(b"x" * size)
    assert [reason] == [why for _, why in queue.refused]


def test_the_worker_is_woken_once_a_batch():
    """The first message and a full batch wake the worker, and no others do."""
    woken = []
    queue = make(full_at=10, wake=lambda: woken.append(len(queue)))
    for n in range(25):
        queue.offer(body(str(n)))
    assert [1, 10] == woken


def test_bytes_can_fill_a_batch_too():
    """A batch that is full by bytes wakes the worker before its count does."""
    woken = []
    queue = make(wake=lambda: woken.append(len(queue)))
    for _ in range(20):
        queue.offer(b"x" * 32_000)
    assert [1, 15] == woken
    assert queue.is_full


def test_case_01_a_put_within_a_put_keeps_the_count():
    """A message put in the middle of another put comes after it, and is counted."""
    queue = make(wake=lambda: queue.offered < 5 and queue.offer(body("inner")))
    assert queue.offer(body("outer"))
    assert [["outer", "inner"]] == [names(batch) for batch in drain(queue, 500)]
    assert 2 == queue.offered


def test_case_01_signal_handlers_put_during_puts():
    """Handlers that interrupt puts at arbitrary places lose and duplicate nothing."""
    queue = make()
    handled = []

    def handler(*_):
        handled.append(None)
        assert queue.offer(b"signal")

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(20_000):
            assert queue.offer(b"main--")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    bodies = [one for batch in drain(queue, 500) for one in batch]
    assert 20_000 == bodies.count(b"main--")
    assert len(handled) == bodies.count(b"signal")
    assert 6 * len(bodies) == queue.held_bytes


def test_threads_that_put_at_once_keep_their_own_order():
    """Eight threads and a taking worker: all arrive once, in order for each."""
    queue = make()
    taken = []
    start = threading.Barrier(8)

    def put(who):
        start.wait(10)
        for n in range(500):
            assert queue.offer(b"%d %d" % (who, n))

    threads = [threading.Thread(target=put, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or len(queue):
        taken += [entry.body for entry in queue.take(100)]
    for thread in threads:
        thread.join(10)
    assert 4_000 == len(taken) == len(set(taken))
    for who in range(8):
        mine = [int(one.split()[1]) for one in taken if one.startswith(b"%d " % who)]
        assert list(range(500)) == mine
