"""The `Sink` that delivers: joins queue, worker, transport and the process's life."""

from __future__ import annotations

import os
import random
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Final, Self

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.core.stats import Health, Stats
from segment_integrations.delivery.options import Options
from segment_integrations.delivery.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.message import Message
    from segment_integrations.core.ports import Transport
    from segment_integrations.core.settings import Settings
    from segment_integrations.delivery.queue import Overflow, Refusal
    from segment_integrations.errors import DeliveryError

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
        drops: Counts what is not sent; starts at nothing in a forked child.
        throttle: Where log lines go.
        queue_bytes: Budget for the bodies queued and in flight.
        flush_at: Messages that are sent without waiting for more, and the most in
            one batch; over 2,500 counts as that.
        flush_interval: Seconds that the first message of a batch waits for others.
        timeout: Seconds that one attempt may take.
        max_age: Seconds after which a message is given up.
        overflow: Whom a full queue costs.
        on_error: Gets each `DeliveryError`; on the worker, guarded.
        on_delivered: Gets the messages of each delivered batch; likewise.
        clock: Monotonic seconds.
        rand: A number from 0 up to 1, for the jitter of retries.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        drops: Drops,
        throttle: Throttle,
        queue_bytes: int,
        flush_at: int,
        flush_interval: float,
        timeout: float,
        max_age: float,
        overflow: Overflow,
        on_error: Callable[[DeliveryError], object] | None = None,
        on_delivered: Callable[[list[dict[str, Any]]], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._transport = transport
        self._drops = drops
        self._throttle = throttle
        self._options = Options(
            queue_bytes=queue_bytes,
            flush_at=flush_at,
            flush_interval=flush_interval,
            timeout=timeout,
            max_age=max_age,
            overflow=overflow,
            on_error=on_error,
            on_delivered=on_delivered,
            clock=clock,
            rand=rand,
        )
        self._closing = False
        self._closed = False
        self._running = self._make()
        self._adopted = {self._running.pid: self._running}
        _live.add(self)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        transport: Transport,
        *,
        drops: Drops,
        throttle: Throttle,
    ) -> Self:
        """Make one as *settings* has it."""
        return cls(
            transport,
            drops=drops,
            throttle=throttle,
            queue_bytes=settings.queue_bytes,
            flush_at=settings.flush_at,
            flush_interval=settings.flush_interval,
            timeout=settings.timeout,
            max_age=settings.max_age,
            overflow=settings.overflow,
            on_error=settings.on_error,
            on_delivered=settings.on_delivered,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport!r}, pending={self._pending()})"

    def __del__(self) -> None:
        running: Running | None = self.__dict__.get("_running")
        if running is None or running.pid != os.getpid():
            return
        pending = running.worker.pending()
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
        running = self._mine()
        accepted = running.worker.queue.offer(body)
        if running.worker.queue.refused:
            self._count_refused(running)
            if self._closing:
                return False
        if self._closed and accepted:  # `close` ended while this was put
            return running.give_up("closed", DETAILS["closed"]) == 0
        running.start()
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
        if running.worker.pending() and not running.needs_drain:
            return False
        return running.finish(running.begin(timeout, stopping=True))

    def close(self, timeout: float) -> int:
        """
        Drain, drop what is left as ``"closed"``, and refuse everything from here on.

        Args:
            timeout: Seconds in all.

        Returns:
            Messages left and dropped; 0 from the second call on.
        """
        running = self._mine()
        self._closing = True
        running.worker.queue.closed = True
        running.finish(running.begin(timeout, stopping=True))
        self._closed = True
        left = running.give_up("closed", "close() was out of time")
        running.retire()
        close = getattr(self._transport, "close", None)
        if close is not None:
            with self._throttle.guard("close"):
                close()
        return left

    def notify(self, call: Callable[[], object]) -> None:
        """Run *call* on the worker, guarded. From any thread, and reentrant."""
        running = self._mine()
        running.worker.hooks.post(call)
        running.start()

    def stats(self) -> Stats:
        """Numbers of this process since its start. Takes no lock."""
        worker = self._mine().worker
        oldest_at = worker.oldest_at()
        age = 0.0 if oldest_at is None else self._options.clock() - oldest_at
        return Stats(
            enqueued=worker.queue.offered,
            delivered=worker.delivered,
            retried=worker.retried,
            dropped=self._drops.counts(),
            pending_events=worker.pending(),
            pending_bytes=worker.queue.held_bytes,
            oldest_age_s=max(0.0, age),
            last_error=worker.last_error,
            circuit=worker.circuit,
        )

    def health(self) -> Health:
        """Whether events can get through, as far as is known without asking."""
        if self._closing:
            return Health(ok=False, reason="closed")
        hold = self._mine().worker.hold
        return Health(ok=hold is None, reason=hold)

    def _pending(self) -> int:
        return self._running.worker.pending()

    def _make(self) -> Running:
        running = Running(
            self._transport, self._options, drops=self._drops, throttle=self._throttle
        )
        running.worker.queue.closed = self._closing
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
        for other in [other for other in self._adopted if other != pid]:
            self._adopted.pop(other, None)
        return running

    def _count_refused(self, running: Running) -> None:
        """Count what did not come in, outside of every lock of the queue."""
        worker = running.worker
        while worker.queue.refused:
            try:
                entry, reason = worker.queue.refused.popleft()
            except IndexError:  # another thread was faster
                break
            worker.ledger.lose((entry.number,))
            if reason == "queue_full":
                worker.hooks.full(entry.body)
            self._drops.add(reason, detail=DETAILS[reason])

    def _forked(self) -> None:
        """
        Disown what the parent owns. In the child, from the fork itself.

        Nothing but marks and a new lock: threads and sockets made here would hurt
        programs that fork often, those on gevent above all.
        """
        self._running.pid = UNOWNED
        self._adopted.clear()
        self._drops.reset()


_live: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for delivery in tuple(_live):
        delivery._forked()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
