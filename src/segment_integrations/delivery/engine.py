"""The `Sink` that delivers: joins queue, worker, transport and the process's life."""

from __future__ import annotations

import os
import warnings
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.owner import Owner
from segment_integrations.core.stats import Health, Stats
from segment_integrations.delivery.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.message import Message
    from segment_integrations.core.ports import Transport
    from segment_integrations.delivery.options import Options
    from segment_integrations.delivery.queue import Refusal

DETAILS: Final[dict[Refusal, str]] = {
    "closed": "the client is closed",
    "too_large": f"an event is over {EVENT_MAX_BYTES} bytes",
    "queue_full": "events come faster than they are taken",
}
"""What the log says of each."""

UNOWNED: Final = -1
"""A process id that no process has."""


class Delivery:
    """
    Takes encoded messages and gets them to the endpoint, in order, in the background.

    One daemon thread is started by the first message; one request is in flight at a
    time; nothing overtakes a batch that waits for its retry. After a fork the child
    starts with nothing: what was queued stays with the parent, which sends it.

    Args:
        transport: Posts one batch; used by one thread at a time.
        options: What the user set.
        drops: Counts what is not sent; starts at nothing in a forked child.
        throttle: Where log lines go.
    """

    def __init__(
        self,
        transport: Transport,
        options: Options,
        *,
        drops: Drops,
        throttle: Throttle,
    ) -> None:
        self._transport = transport
        self._drops = drops
        self._throttle = throttle
        self._options = options
        self._closing = False
        self._closed = False
        self._owner = Owner()
        self._running = self._make()
        self._adopted = {self._running.pid: self._running}
        spool = self._running.worker.spool
        if spool is not None:
            try:
                spool.prepare()  # what is wrong with the folder is told at start-up
            except OSError as error:
                self._running.worker.losses.disk_failed(error)
        _live.add(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport!r}, pending={self._pending()})"

    def __del__(self) -> None:
        running: Running | None = self.__dict__.get("_running")
        if running is None or running.pid != os.getpid():
            return
        pending = running.worker.backlog.pending
        running.retire()  # what is pending is sent all the same
        if pending:
            warnings.warn(
                f"unclosed delivery with {pending} pending message(s): call close()",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def put(self, body: bytes, message: Message) -> bool:
        """
        Take one message. No I/O, no wait; safe in signal handlers and finalizers.

        Args:
            body: The message as UTF-8 JSON, at most `EVENT_MAX_BYTES`.
            message: The same as a dict; not looked at.

        Returns:
            False when it was refused, which is counted: ``"closed"`` after `close`,
            ``"queue_full"`` over the budget, ``"too_large"`` over Segment's limit.
        """
        del message  # the port's; delivery needs bytes only
        running = self._mine() if self._owner.is_other() else self._running
        queue = running.queue
        accepted = queue.offer(body)
        if queue.refused:
            self._count_refused(running)
        if self._closed and accepted:  # `close` ended while this was put
            return running.give_up("closed", DETAILS["closed"])[0] == 0
        return accepted

    def flush(self, timeout: float) -> bool:
        """
        Wait until every message put before this call is settled.

        Args:
            timeout: Seconds; False comes earlier when nothing will be tried before.

        Returns:
            True only when all of them were delivered: none is in flight, waits for
            a retry, or was dropped since the last flush that saw the end of it.
        """
        running = self._mine()
        return running.finish(running.begin(timeout, stopping=False))

    def drain(self, timeout: float) -> bool:
        """
        `flush` for a process that is about to stop; it may be called repeatedly.

        What is left stays queued. Neither the next drain nor the process's end waits
        for it a second time, unless something is put after this.

        Args:
            timeout: Seconds in all; attempts are shortened to what remains.

        Returns:
            As `flush`.
        """
        running = self._mine()
        if running.worker.backlog.pending and not running.needs_drain:
            return False
        return running.finish(running.begin(timeout, stopping=True))

    def close(self, timeout: float) -> int:
        """
        Drain, and refuse everything from here on.

        What is left stays in the spool, where the next process finds it; without one
        it is dropped as ``"closed"``.

        Args:
            timeout: Seconds in all.

        Returns:
            Messages left, in the spool or dropped; 0 from the second call on.
        """
        running = self._mine()
        self._closing = True
        running.queue.closed = True
        running.finish(running.begin(timeout, stopping=True))
        self._closed = True
        running.worker.backlog.stop_adopting()
        left = sum(running.give_up("closed", "close() was out of time"))
        running.retire()
        if running.worker.spool is not None:
            running.worker.spool.release()
        close = getattr(self._transport, "close", None)
        if close is not None:
            with self._throttle.guard("close"):
                close()
        return left

    def notify(self, call: Callable[[], object]) -> bool:
        """
        Run *call* on the worker, guarded. From any thread, and reentrant.

        Returns:
            False where it is not, for too many wait there.
        """
        running = self._mine()
        is_posted = running.worker.hooks.post(call)
        running.start()
        return is_posted

    def stats(self) -> Stats:
        """Numbers of this process since its start. Takes no lock."""
        worker = self._mine().worker
        queue, backlog = worker.queue, worker.backlog
        oldest_at = backlog.oldest_at()
        age = 0.0 if oldest_at is None else self._options.clock() - oldest_at
        return Stats(
            enqueued=queue.accepted + queue.refused_count + backlog.adopted_count,
            adopted=backlog.adopted_count,
            delivered=worker.delivered,
            retried=worker.retried,
            dropped=self._drops.counts(),
            dead=worker.losses.dead,
            pending_events=backlog.pending + backlog.kept + worker.losses.waiting,
            pending_bytes=queue.held_bytes,
            spooled_bytes=0 if worker.spool is None else worker.spool.used_bytes,
            oldest_age_s=max(0.0, age),
            last_error=worker.last_error,
            spool_error=worker.losses.spool_error,
            circuit=worker.circuit,
        )

    def health(self) -> Health:
        """Whether events can get through, as far as is known without asking."""
        if self._closing:
            return Health(ok=False, reason="closed")
        hold = self._mine().worker.hold
        return Health(ok=hold is None, reason=hold)

    def _pending(self) -> int:
        return self._running.worker.backlog.pending

    def _make(self) -> Running:
        running = Running(
            self._transport, self._options, drops=self._drops, throttle=self._throttle
        )
        if self._closing:
            running.queue.closed = True
            running.worker.backlog.stop_adopting()
        return running

    def _mine(self) -> Running:
        """
        What this process owns; made anew in a forked child.

        The comparison on every call covers servers whose fork runs no Python hook.
        """
        running = self._running
        pid = os.getpid()
        if running.pid == pid:
            return running
        if running.pid != UNOWNED:  # else the hook has seen to it
            self._drops.reset()
        # `setdefault` is atomic, so that all threads of the child agree on one.
        running = self._adopted.setdefault(pid, self._make())
        self._running = running
        self._owner.claim()
        for other in [other for other in self._adopted if other != pid]:
            self._adopted.pop(other, None)
        return running

    def _count_refused(self, running: Running) -> None:
        """Count what did not come in, outside of every lock of the queue."""
        queue, worker = running.queue, running.worker
        while queue.refused:
            try:
                body, reason = queue.refused.popleft()
            except IndexError:  # another thread was faster
                break
            if reason == "too_large" and worker.losses.take_oversize(body):
                running.wake()
                continue
            if reason == "queue_full":
                worker.hooks.full(body)
            self._drops.add(reason, detail=DETAILS[reason])
        while queue.evicted:
            with suppress(IndexError):  # another thread was faster
                number = queue.evicted.popleft()
                worker.ledger.lose(number, number)

    def _forked(self) -> None:
        """
        Disown what the parent owns. In the child, from the fork itself.

        Nothing but marks, and the spool's locks closed: threads and sockets made here
        would hurt programs that fork often, those on gevent above all.
        """
        self._running.pid = UNOWNED
        self._owner.disown()
        if self._running.worker.spool is not None:
            self._running.worker.spool.disown()
        self._adopted.clear()


_live: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for delivery in tuple(_live):
        delivery._forked()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
