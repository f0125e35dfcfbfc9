"""What must not stop the worker, or make a flush say what is not so."""

import asyncio
import threading

import pytest
from delivery_bench import Scripted, body, names

from segment_integrations.core.ports import Answer
from segment_integrations.delivery.work import Work

SLACK = 10.0


def put(delivery, *events):
    return [delivery.put(body(event), {}) for event in events]


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("where", ["hook", "transport"])
def test_what_ends_a_thread_does_not_end_the_worker(
    deliver, monkeypatch, caplog, error, where
):
    """A hook or a transport that raises no ordinary exception costs no message."""
    monkeypatch.setattr("segment_integrations.delivery.running.FAULT_PAUSE_S", 0.01)
    faults = [error("user-1")]

    def fail(*_):
        if faults:
            raise faults.pop()
        return 200

    hook = fail if where == "hook" else None
    transport = Scripted(*[fail if where == "transport" else 200] * 3)
    delivery = deliver(transport, on_delivered=hook, flush_at=1)
    put(delivery, "a", "b")
    delivery.flush(SLACK)
    assert delivery.flush(SLACK)
    assert ["a", "b"] == sorted({name for batch in transport.sent for name in batch})
    assert error.__name__ in caplog.text
    assert "user-1" not in caplog.text


def test_a_transport_that_answers_nothing_is_tried_again_slowly(bench):
    """What is no `Answer` is a fault like any other, with its wait."""
    one = bench(Answer(200))
    one.transport.send, send = (lambda _: None), one.transport.send
    one.put("a")
    one.clock.now += 0.5
    assert 0.5 == one.steps()
    assert "the transport gave no Answer" == one.worker.last_error
    one.transport.send = send
    one.clock.now += 0.5
    one.steps()
    assert 1 == one.worker.delivered


def test_a_worker_that_could_not_start_starts_with_a_later_message(
    deliver, monkeypatch, eventually
):
    """While the system has no thread to give, messages wait; then they are sent."""
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "segment-integrations":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    transport = Scripted()
    delivery = deliver(transport, flush_at=2)
    put(delivery, *"abcde")
    monkeypatch.undo()
    put(delivery, "f")
    eventually(lambda: 6 == delivery.stats().delivered)
    assert list("abcdef") == [name for batch in transport.sent for name in batch]


def test_case_16_losses_are_not_forgotten_however_many_follow(deliver, eventually):
    """A flush that waits for a message which had to leave says False."""
    answered = threading.Event()
    transport = Scripted(lambda _: answered.wait(SLACK) and 200)
    size = len(body("0000"))
    delivery = deliver(
        transport, overflow="drop_oldest", queue_bytes=20 * size, flush_at=1
    )
    put(delivery, *(f"{n:04}" for n in range(10)))
    results = []
    thread = threading.Thread(target=lambda: results.append(delivery.flush(SLACK)))
    thread.start()
    eventually(lambda: delivery._running.worker.ledger.is_awaited)
    put(delivery, *(f"{n:04}" for n in range(10, 3_000)))
    answered.set()
    thread.join(SLACK)
    assert [False] == results


def test_case_16_a_refusal_is_told_once(deliver):
    """Where nothing but refusals happened, one flush says False, the next True."""
    delivery = deliver(Scripted())
    assert not delivery.put(b"x" * 40_000, {})
    assert [False, True] == [delivery.flush(1), delivery.flush(1)]


def test_a_long_interval_is_kept_to(bench):
    """A message waits as long as it was told to, also for minutes."""
    one = bench(flush_interval=300.0)
    one.put("a")
    for _ in range(4):
        one.clock.now += 70
        one.worker.step()
    assert [] == one.transport.sent
    one.clock.now += 20
    one.steps()
    assert [["a"]] == one.transport.sent


def test_case_04_what_had_to_leave_leaves_nothing_behind(bench):
    """An outage with `drop_oldest` costs no batch without messages, and no scan."""
    size = len(body("0000"))
    one = bench(503, overflow="drop_oldest", queue_bytes=10 * size, flush_at=1)
    one.put("0000")
    one.steps()
    one.put(*(f"{n:04}" for n in range(1, 500)))
    assert 9 == len(one.worker.queue.sealed())
    assert all(work.count for work in one.worker.queue.sealed())


def test_a_half_is_not_on_disk_where_the_whole_is():
    """Of a split batch the files hold more than either half."""
    work = Work(1, 0.0)
    work.fill([b"1", b"2", b"3"], 0.0)
    assert [False, True] == [half.is_part for half in work.split()]
    assert not work.is_on_disk


def test_nothing_is_taken_from_a_handler_that_does_not_wait(bench):
    """`lend` and `take_back` do nothing on a thread that has interrupted no call."""
    queue = bench().worker.queue
    queue.offer(body("a"))
    queue.lend()
    assert not queue.has_sealed
    queue.take_back()
    queue.seal()
    assert ["a"] == names(queue.take().bodies)
