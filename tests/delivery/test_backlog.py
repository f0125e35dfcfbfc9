"""What waits in memory, on disk and in the folders of others: order, turns, caps."""

import itertools
import math
import os

import pytest
from delivery_bench import body, names
from spool_bench import (
    benches,
    dead_letters,
    descriptors,
    leave,
    leftovers,
    numbered,
    spooled,
)

from segment_integrations.delivery.spool import (
    OPEN_FILES,
)
from segment_integrations.errors import TransportError


@pytest.fixture
def make(tmp_path):
    """Make benches on one directory, given up with the test."""
    with benches(tmp_path / "spool") as start:
        yield start


def test_case_22_order_holds_across_an_outage(make):
    """Before, during and after an outage of 10 s: all arrive in order of the calls."""
    one = make(200, *[503] * 8, flush_at=2)
    one.put(*numbered(0, 1))
    one.steps()
    counter = itertools.count(2)
    while one.transport.script:
        one.put(*numbered(next(counter), next(counter), next(counter)))
        one.wait(5)
    on_disk = spooled(one.spool.directory)
    assert on_disk == sorted(on_disk)
    assert len(on_disk) > 10
    one.put(*numbered(next(counter), next(counter)))
    one.settle()
    tried = [batch for batch in one.transport.batches if batch.attempt == 0]
    assert numbered(*range(next(counter))) == [
        event for batch in tried for event in names(batch.bodies)
    ]
    assert [] == leftovers(one.spool.directory)
    assert 0 == one.worker.queue.held_bytes == one.spool.used_bytes


def test_a_short_outage_costs_no_disk(make):
    """Up to 10 s everything stays in memory."""
    one = make(*[503] * 4, flush_at=1)
    one.put("a", "b", "c")
    one.steps()
    one.wait(5)
    one.wait(5)
    assert [] == leftovers(one.spool.directory)
    one.wait(5)
    assert ["b", "c"] == spooled(one.spool.directory)
    one.settle()
    assert ["a"] * 5 + ["b", "c"] == one.events


def test_case_04_a_crowded_queue_goes_to_disk(make):
    """Over half of the budget batches are written, and room is made for as many."""
    size = len(body("e0000"))
    one = make(*[503] * 30, flush_at=5, queue_bytes=20 * size)
    for n in range(200):
        one.put(*numbered(n))
        one.steps()
        assert one.worker.queue.held_bytes <= 20 * size
    assert len(spooled(one.spool.directory)) > 150
    one.settle()
    assert numbered(*range(200)) == list(dict.fromkeys(one.events))
    assert {} == one.drops.counts()


def test_case_04_where_the_worker_is_busy_a_full_queue_refuses(make):
    """What comes before anything could be written is refused and accounted."""
    size = len(body("e0000"))
    one = make(queue_bytes=10 * size, flush_at=5)
    taken = one.offer(*map(body, numbered(*range(30))))
    assert [True] * 10 + [False] * 20 == taken
    assert one.is_accounted
    one.settle()
    assert numbered(*range(10)) == one.events


def test_spilled_batches_share_files_and_few_descriptors(make):
    """Small batches are joined on disk, and files in plenty do not stay open."""
    one = make(TransportError("no answer"), *[503] * 200, flush_at=2)
    for n in range(0, 200, 2):
        one.put(*numbered(n, n + 1))
        one.wait(11)
    files = leftovers(one.spool.directory)
    assert len(files) > 3 * OPEN_FILES
    assert descriptors(one.spool.directory) <= OPEN_FILES + 2
    assert numbered(*range(200))[2:] == spooled(one.spool.directory)


def test_spilled_batches_are_joined(make):
    """What is spilled at once and fits into one request is one file."""
    one = make(*[503] * 5, flush_at=100)
    one.put("first")
    for _ in range(4):
        one.wait(11)
    for n in range(50):
        one.put(*numbered(n))
        one.worker.queue.seal()
    one.wait(1)
    assert 1 == len(leftovers(one.spool.directory))
    assert numbered(*range(50)) == spooled(one.spool.directory)


def test_always_is_on_disk_before_the_call_returns(make):
    """`always`: each message is written at once, and gone when it is delivered."""
    one = make(spool="always", flush_at=3)
    for n in range(7):
        one.put(*numbered(n))
        assert numbered(*range(n + 1)) == spooled(one.spool.directory)
    one.settle()
    assert numbered(*range(7)) == one.events
    assert [] == leftovers(one.spool.directory)


def test_always_forgets_what_the_disk_holds(make):
    """Over half of the budget the newest are on disk only, and read back in order."""
    size = len(body("e0000"))
    one = make(503, spool="always", queue_bytes=10 * size, flush_at=2)
    one.put(*numbered(*range(100)))
    assert one.worker.queue.held_bytes <= 10 * size
    assert one.is_accounted
    one.settle()
    assert numbered(0, 1, *range(100)) == one.events
    assert {} == one.drops.counts()
    assert 0 == one.worker.queue.held_bytes == one.spool.used_bytes


def test_always_holds_few_descriptors(make):
    """However many batches wait, the host's descriptors are its own."""
    one = make(spool="always", flush_at=1)
    one.put(*numbered(*range(300)))
    assert descriptors(one.spool.directory) <= OPEN_FILES + 2
    one.settle()
    assert numbered(*range(300)) == one.events


def test_case_22_what_others_left_goes_in_turn(make, tmp_path):
    """Adopted batches and our own alternate: oldest first, and neither starves."""
    left = [[body(f"old{n}{x}") for x in "ab"] for n in range(4)]
    leave(tmp_path / "spool", *left)
    one = make(flush_at=2)
    one.put(*numbered(*range(8)))
    one.settle()
    sent = one.transport.sent
    old = [f"old{n}{x}" for n in range(4) for x in "ab"]
    assert old == [event for event in one.events if event.startswith("old")]
    assert numbered(*range(8)) == [e for e in one.events if e.startswith("e")]
    kinds = [batch[0][:1] for batch in sent]
    assert ["o", "e"] * 4 == kinds
    assert [] == leftovers(one.spool.directory)


def test_case_22_several_processes_left_something(make, tmp_path):
    """The folder of the process that started first is sent first."""
    for n in range(3):
        leave(tmp_path / "spool", [body(f"p{n}a")], [body(f"p{n}b")])
    one = make()
    one.settle()
    assert ["p0a", "p0b", "p1a", "p1b", "p2a", "p2b"] == one.events
    assert 6 == one.worker.backlog.adopted_count == one.worker.delivered


def test_case_22_what_was_in_flight_is_the_oldest_of_what_is_kept(make):
    """Kept at the end: the batch that waited for its retry, then what was spilled."""
    one = make(*[503] * 10, flush_at=1)
    one.put(*numbered(*range(5)))
    one.steps()
    one.wait(11)
    one.put(*numbered(5, 6))
    one.wait(1)
    assert (0, 7) == one.close()
    assert one.is_accounted
    assert numbered(*range(7)) == spooled(one.spool.directory)
    other = make()
    other.settle()
    assert numbered(*range(7)) == other.events
    assert [] == leftovers(one.spool.directory)


def test_case_22_the_half_of_a_split_is_kept_in_order(make):
    """Given up between the halves of a split batch: all is kept, and in order."""
    one = make(400, 503)
    one.put(*numbered(*range(4)))
    one.wait(1)
    assert (0, 4) == one.close()
    assert numbered(*range(4)) == spooled(one.spool.directory)


def test_a_flush_waits_for_what_others_left(make, tmp_path):
    """It is True when that is delivered as well, even with nothing of our own."""
    leave(tmp_path / "spool", [body("old1")], [body("old2")])
    one = make(200, 503)
    waiter = one.worker.ledger.add(0, 0, math.inf, stopping=False)
    one.steps()
    assert waiter.done.empty()
    one.settle()
    assert waiter.done.get_nowait()
    assert ["old1", "old2", "old2"] == one.events


def test_what_is_left_behind_is_found_later(make, tmp_path):
    """A process that ends while we live is noticed within half a minute."""
    one = make()
    one.steps()
    leave(tmp_path / "spool", [body("old")])
    one.wait(29)
    assert [] == one.events
    one.wait(1)
    assert ["old"] == one.events


def test_case_07_what_is_too_old_is_not_replayed(make, tmp_path):
    """Left behind longer ago than `max_age`: a dead letter, and reported."""
    path = leave(tmp_path / "spool", [body("old")], [body("young")])
    first = min(path.glob("*.v1"))
    stamp = first.stat().st_mtime - 100
    os.utime(first, (stamp, stamp))
    errors = []
    one = make(max_age=90.0, on_error=errors.append)
    one.settle()
    assert ["young"] == one.events
    (letter,) = dead_letters(tmp_path / "spool")
    assert ("expired", body("old")) == (letter.reason, bytes(letter.message))
    assert ["old"] == [m["event"] for error in errors for m in error.messages]


def test_a_message_is_not_older_than_its_batch_is_open(make, tmp_path):
    """`always`: put after hours of silence and left behind, it is young."""
    one = make(spool="always", max_age=90.0)
    name = one.worker.queue._open.files[0].path
    digits = f"{int(name.name.partition('-')[0]) - 3_600_000:013d}"
    one.worker.queue._open.files[0].path = name.with_name(digits + name.name[13:])
    one.put("a")
    one.die()
    other = make(max_age=90.0)
    other.settle()
    assert ["a"] == other.events
    one.settle()


def test_what_others_packed_is_split_under_our_limits(make, tmp_path):
    """A file that holds more than `flush_at` goes in batches that are allowed."""
    leave(tmp_path / "spool", [body(name) for name in numbered(*range(10))])
    one = make(flush_at=3)
    one.settle()
    assert numbered(*range(10)) == one.events
    assert max(map(len, one.transport.sent)) <= 3
    assert [] == leftovers(one.spool.directory)
