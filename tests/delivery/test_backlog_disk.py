"""A disk that is full, capped, damaged or gone, under the batches that wait."""

import math
import shutil
import threading

import pytest
from delivery_bench import body
from spool_bench import (
    benches,
    file_size_limit,
    leave,
    leftovers,
    no_descriptors,
    numbered,
    spooled,
)

from segment_integrations.delivery.folders import (
    LOCK,
)


@pytest.fixture
def make(tmp_path):
    """Make benches on one directory, given up with the test."""
    with benches(tmp_path / "spool") as start:
        yield start


@pytest.mark.parametrize("mode", ["overflow", "always"])
def test_case_18_over_the_cap_the_oldest_go(make, mode):
    """The disk holds as much as it may: the oldest are dropped, counted and told."""
    one = make(*[503] * 50, flush_at=1, spool=mode, queue_bytes=3 * len(body("e0000")))
    one.spool.max_bytes = 10 * (len(body("e0000")) + 10)
    for n in range(50):
        assert all(one.offer(body(*numbered(n))))
        one.wait(3)
        assert one.spool.excess_bytes <= 0
    assert numbered(*range(50))[-10:] == spooled(one.spool.directory)[-10:]
    dropped = one.drops.counts()
    assert ["spool_full"] == list(dropped)
    assert one.is_accounted
    one.settle()
    assert numbered(*range(50))[-10:] == list(dict.fromkeys(one.events))[-10:]
    assert 50 == len(set(one.events)) + dropped["spool_full"]


def test_case_18_a_flush_is_told_of_what_the_cap_cost(make):
    """Messages that the cap has cost were not delivered: the flush after is False."""
    one = make(*[503] * 4, flush_at=1)
    one.spool.max_bytes = 100
    one.put(*numbered(*range(10)))
    for _ in range(3):
        one.wait(6)
    assert 0 < one.drops.counts()["spool_full"]
    waiter = one.worker.ledger.add(10, 0, math.inf, stopping=False)
    one.settle()
    assert not waiter.done.get_nowait()


def test_case_18_the_cap_is_for_all_processes_together(make, tmp_path):
    """What a living process has on the same disk counts too, up to our share of it."""
    size = len(body("e0000")) + 10
    other = make(spool="always")
    other.put(*numbered(*range(20)))
    one = make(*[503] * 9, flush_at=1)
    one.put(*numbered(*range(20)))
    one.steps()
    one.spool.max_bytes = 32 * size
    for _ in range(5):
        one.wait(30)
    assert 16 >= len(spooled(tmp_path / "spool")) - 20 > 10
    assert one.is_accounted


def test_case_18_the_folder_was_removed_while_we_ran(make):
    """Somebody deletes the spool: what was there is counted, and it goes on."""
    one = make(*[503] * 6, flush_at=1)
    one.put(*numbered(*range(3)))
    for _ in range(3):
        one.wait(11)
    assert numbered(1, 2) == spooled(one.spool.directory)
    shutil.rmtree(one.spool.directory)
    one.put(*numbered(3, 4))
    one.wait(11)
    assert numbered(3, 4) == spooled(one.spool.directory)
    one.settle()
    assert numbered(0, 3, 4) == list(dict.fromkeys(one.events))
    assert {"spool_damaged": 2} == one.drops.counts()


def test_case_18_a_damaged_record_costs_itself_only(make, tmp_path):
    """Of a file with one flipped bit everything else is sent, and one is counted."""
    path = leave(tmp_path / "spool", [body("a"), body("b"), body("c")], [body("d")])
    first = min(path.glob("*.v1"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 4
    first.write_bytes(data)
    one = make()
    one.settle()
    assert ["a", "c", "d"] == one.events
    assert {"spool_damaged": 1} == one.drops.counts()
    assert 4 == one.worker.backlog.adopted_count


def test_case_18_a_torn_last_record_never_was(make, tmp_path):
    """It was being written when the process ended: nobody counts it."""
    path = leave(tmp_path / "spool", [body("a"), body("b")])
    (file,) = path.glob("*.v1")
    file.write_bytes(file.read_bytes()[:-5])
    one = make()
    one.settle()
    assert ["a"] == one.events
    assert {} == one.drops.counts()


def test_case_18_a_full_disk_costs_nothing_that_fits_into_memory(make, caplog):
    """What can't be spilled stays in memory, in order; the log says it once."""
    one = make(*[503] * 4, flush_at=1)
    one.put(*numbered(*range(6)))
    one.steps()
    with file_size_limit(30):
        for _ in range(3):
            one.wait(11)
    assert [] == leftovers(one.spool.directory)
    assert one.is_accounted
    one.settle()
    assert numbered(0, 0, 0, 0, *range(6)) == one.events
    lines = [r.getMessage() for r in caplog.records if "spool" in r.getMessage()]
    assert 1 == len(lines)
    assert "e000" not in caplog.text


def test_case_18_a_disk_that_fills_up_keeps_what_it_has(make):
    """A spill that fails behind another one does not cost that one at the end."""
    one = make(*[503] * 9, flush_at=5)
    one.put("first")
    for _ in range(3):
        one.wait(11)
    one.put("a", "b")
    one.wait(1)
    assert ["a", "b"] == spooled(one.spool.directory)
    one.put("c", "d")
    with file_size_limit(one.spool.used_bytes + 30):
        one.wait(1)
    assert ["a", "b"] == spooled(one.spool.directory)
    assert (0, 5) == one.close()
    assert ["first", "a", "b", "c", "d"] == spooled(one.spool.directory)


def test_case_18_always_goes_on_when_the_disk_is_full(make):
    """What could not be written at once is delivered from memory."""
    one = make(spool="always", flush_at=4)
    one.put("a", "b")
    with file_size_limit(one.spool.used_bytes + 20):
        one.put("c", "d", "e")
    one.put("f")
    assert ["a", "b", "e", "f"] == spooled(one.spool.directory)
    one.settle()
    assert ["a", "b", "c", "d", "e", "f"] == one.events
    assert [] == leftovers(one.spool.directory)


def test_case_18_always_keeps_what_was_not_written(make):
    """At the end what is in memory only is written after all, and no copy stays."""
    one = make(503, spool="always", flush_at=3)
    with file_size_limit(30):
        one.put("a", "b", "c")
    one.put("d")
    one.steps()
    assert (0, 4) == one.close()
    assert ["a", "b", "c", "d"] == spooled(one.spool.directory)


def test_case_18_a_file_that_cannot_be_read_is_counted_and_stays(make):
    """What may be readable another time is not deleted, and the rest is sent."""
    size = len(body("e0000"))
    one = make(spool="always", flush_at=2, queue_bytes=4 * size)
    one.put(*numbered(*range(8)))
    on_disk_only = [w.first - 1 for w in one.worker.queue.sealed() if w.bodies is None]
    assert on_disk_only
    with no_descriptors():
        one.settle()
    unread = numbered(*[n + m for n in on_disk_only for m in (0, 1)])
    assert sorted({*numbered(*range(8))} - {*unread}) == one.events
    assert {"spool_damaged": len(unread)} == one.drops.counts()
    assert (0, 0) == one.close()
    assert unread == spooled(one.spool.directory)


def test_case_18_nothing_is_kept_of_what_the_cap_cost(make):
    """At the end no empty file stands for what was dropped before."""
    one = make(*[503] * 20, flush_at=1)
    one.spool.max_bytes = 3 * (len(body("e0000")) + 10)
    one.put(*numbered(*range(10)))
    for _ in range(4):
        one.wait(6)
    dropped = one.drops.counts()["spool_full"]
    assert (0, 10 - dropped) == one.close()
    assert 10 - dropped == len(spooled(one.spool.directory))
    files = [path for path in one.spool.path.iterdir() if path.name != LOCK]
    assert all(path.stat().st_size for path in files)


def test_drop_oldest_and_a_spool_go_together(make):
    """What is on disk only is not looked for in memory when a queue is full."""
    size = len(body("e0000"))
    one = make(*[503] * 9, flush_at=2, overflow="drop_oldest", queue_bytes=10 * size)
    one.put(*numbered(*range(6)))
    for _ in range(3):
        one.wait(11)
    assert numbered(2, 3, 4, 5) == spooled(one.spool.directory)
    one.put(*numbered(*range(6, 26)))
    assert one.is_accounted
    one.settle()
    assert numbered(*range(6), *range(18, 26)) == list(dict.fromkeys(one.events))


def test_case_18_a_full_disk_is_not_asked_for_each_message(make, tmp_path):
    """After a refusal the disk is left alone for a while, and batches stay whole."""
    one = make(*[503] * 50, queue_bytes=40 * len(body("e0000")), flush_at=20)
    failed = []
    one.spool._failed = failed.append
    with file_size_limit(0):
        for n in range(30):
            one.put(*numbered(n))
            one.wait(0.1)
        assert 1 == len(failed)
        one.wait(11)
        assert 2 == len(failed)
    assert one.is_accounted


def test_case_15_a_disk_that_hangs_does_not_hold_the_end_up(make, monkeypatch):
    """Who gives up waits a moment for the turn, then leaves things as they are."""
    monkeypatch.setattr("segment_integrations.delivery.worker.TURN_WAIT_S", 0.05)
    one = make()
    one.put(*numbered(1, 2))
    held, release = threading.Event(), threading.Event()

    def hang():
        with one.worker._turn:
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    assert held.wait(10)
    assert (0, 2) == one.worker.abandon()
    release.set()
    thread.join(10)
    assert one.is_accounted
