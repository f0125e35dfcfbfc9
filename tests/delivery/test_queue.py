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
)
from segment_integrations.delivery.queue import ByteQueue
from segment_integrations.delivery.work import Work

KEY = "k" * 64


def make(max_bytes=10**9, overflow="drop_newest", *, full_at=500, wake=lambda: None):
    return ByteQueue(
        max_bytes, overflow, max_count=full_at, clock=lambda: 0.0, wake=wake
    )


def drain(queue):
    queue.seal()
    batches = []
    while work := queue.take():
        batches.append(work.bodies)
    return batches


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(2, EVENT_MAX_BYTES), max_size=120),
    flush_at=st.integers(1, 5_000),
)
def test_case_05_packing_loses_nothing_and_keeps_every_limit(sizes, flush_at):
    """Batches hold all messages in order, within the limits of bytes and count."""
    limit = count_limit(flush_at)
    queue = make(full_at=limit)
    bodies = [b"%d" % (n % 10) * size for n, size in enumerate(sizes)]
    for one in bodies:
        assert queue.offer(one)
    batches = drain(queue)
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


@given(st.lists(st.binary(), min_size=2), st.integers(0, 100))
def test_a_split_keeps_the_order(bodies, first):
    """Two halves, neither of them empty, are together what was split."""
    work = Work(first, 1.0)
    work.fill(bodies, 2.0)
    left, right = work.split()
    assert bodies == [*left.bodies, *right.bodies]
    assert 0 <= left.count - right.count <= 1
    assert work.size == left.size + right.size
    assert (first, first and first + left.count) == (left.first, right.first)


@settings(deadline=None)
@given(
    overflow=st.sampled_from(["drop_newest", "drop_oldest"]),
    moves=st.lists(
        st.one_of(st.integers(1, 60), st.sampled_from(["take", "seal", "release"])),
        max_size=60,
    ),
)
def test_case_04_the_budget_holds_and_everything_is_accounted(overflow, moves):
    """Whatever is put and taken: within the budget, in order, none twice, none lost."""
    queue = make(100, overflow, full_at=3)
    taken, seen, accepted = [], [], 0
    for number, move in enumerate(moves):
        if move == "take":
            taken += [work] if (work := queue.take()) else []
        elif move == "seal":
            queue.seal()
        elif move == "release":
            for work in taken:
                queue.release(work.size)
                seen += work.bodies
            taken = []
        else:
            accepted += queue.offer(b"%03d" % number + b"x" * move)
        assert queue.held_bytes <= 100
    queue.seal()
    while work := queue.take():
        taken.append(work)
    seen += [one for work in taken for one in work.bodies]
    gone = [one for one, _ in queue.refused]
    assert sorted(seen) == seen
    offered = sum(not isinstance(move, str) for move in moves)
    assert offered == len(seen) + len(gone) == len({*seen, *gone})
    assert accepted == queue.accepted == offered - queue.refused_count
    assert len(seen) == accepted - queue.evicted_count
    assert sum(map(len, seen)) == queue.held_bytes + queue._released_bytes


def test_drop_newest_refuses_what_does_not_fit():
    """With `drop_newest` the first stay, and the caller is told."""
    queue = make(3 * len(body("a")))
    assert [True, True, True, False] == [queue.offer(body(name)) for name in "abcd"]
    assert [["a", "b", "c"]] == [names(batch) for batch in drain(queue)]


def test_drop_oldest_makes_room_for_what_comes():
    """With `drop_oldest` the last stay, and those that left are told."""
    queue = make(3 * len(body("a")), "drop_oldest")
    assert all(queue.offer(body(name)) for name in "abcd")
    assert [["b", "c", "d"]] == [names(batch) for batch in drain(queue)]
    assert [("a", "queue_full")] == [
        (*names([one]), reason) for one, reason in queue.refused
    ]


def test_drop_oldest_does_not_take_from_the_worker():
    """What is in flight keeps its place in the budget: then the newcomer must go."""
    queue = make(100, "drop_oldest")
    assert queue.offer(b"x" * 80)
    queue.seal()
    assert queue.take()
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
    queue = make(full_at=10, wake=lambda: woken.append(queue.accepted))
    for n in range(25):
        queue.offer(body(str(n)))
    assert [1, 10] == woken


def test_bytes_can_fill_a_batch_too():
    """A batch that is full by bytes wakes the worker before its count does."""
    woken = []
    queue = make(wake=lambda: woken.append(queue.accepted))
    for _ in range(20):
        queue.offer(b"x" * 32_000)
    assert [1, 15] == woken
    assert queue.has_sealed


def test_case_01_a_put_within_a_put_keeps_the_count():
    """A message put in the middle of another put comes after it, and is counted."""
    queue = make(wake=lambda: queue.accepted > 1 or queue.offer(body("inner")))
    assert queue.offer(body("outer"))
    assert [["outer", "inner"]] == [names(batch) for batch in drain(queue)]
    assert 2 == queue.accepted


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
    bodies = [one for batch in drain(queue) for one in batch]
    assert 20_000 == bodies.count(b"main--")
    assert len(handled) == bodies.count(b"signal")
    assert 6 * len(bodies) == queue.held_bytes
    assert len(bodies) == queue.accepted


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
    while any(thread.is_alive() for thread in threads):
        queue.seal()
        while work := queue.take():
            taken += work.bodies
    for thread in threads:
        thread.join(10)
    taken += [one for batch in drain(queue) for one in batch]
    assert 4_000 == len(taken) == len(set(taken))
    for who in range(8):
        mine = [int(one.split()[1]) for one in taken if one.startswith(b"%d " % who)]
        assert list(range(500)) == mine
