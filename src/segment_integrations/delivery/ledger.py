"""Who waits for which messages, and whether any of those were lost."""

from __future__ import annotations

import queue


class Waiter:
    """
    One call that waits until all messages up to *target* are settled.

    Args:
        target: The number of the last message that it waits for.
        refused: How many messages had been refused when it began.
        has_lost: Whether a message was refused or lost that no earlier flush told of.
        deadline: When it stops waiting, in monotonic seconds.
        stopping: The process or client ends then, so no attempt may take longer.
    """

    __slots__ = ("deadline", "done", "has_lost", "refused", "stopping", "target")

    def __init__(
        self,
        target: int,
        *,
        refused: int,
        has_lost: bool,
        deadline: float,
        stopping: bool,
    ) -> None:
        self.target = target
        self.refused = refused
        self.has_lost = has_lost
        self.deadline = deadline
        self.stopping = stopping
        # A queue of its own: no lock or condition is shared with another caller.
        self.done: queue.SimpleQueue[bool] = queue.SimpleQueue()


class Ledger:
    """Losses and waiters. Every operation is one atomic step of a container."""

    def __init__(self) -> None:
        self._waiters: set[Waiter] = set()
        self._last_lost = 0
        self._reported = 0
        self._refused_reported = 0

    def lose(self, first: int, last: int) -> None:
        """Note that the messages from *first* to *last* will not be delivered."""
        self._last_lost = max(self._last_lost, last)
        for waiter in tuple(self._waiters):
            if first <= waiter.target:
                waiter.has_lost = True

    def add(
        self, target: int, refused: int, deadline: float, *, stopping: bool
    ) -> Waiter:
        """
        Register a waiter for all messages up to *target*.

        Args:
            target: The number of the last message that was accepted.
            refused: How many were refused so far, in all.
            deadline: When it stops waiting, in monotonic seconds.
            stopping: See `Waiter`.
        """
        waiter = Waiter(
            target,
            refused=refused,
            has_lost=self._last_lost > self._reported
            or refused > self._refused_reported,
            deadline=deadline,
            stopping=stopping,
        )
        self._waiters.add(waiter)
        return waiter

    def discard(self, waiter: Waiter) -> None:
        """Forget *waiter*, whether it was told or not."""
        self._waiters.discard(waiter)

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits, so that lingering would be wrong."""
        return bool(self._waiters)

    def stop_deadline(self) -> float:
        """The last deadline among those that stop us; infinity without one."""
        stops = [waiter.deadline for waiter in tuple(self._waiters) if waiter.stopping]
        return max(stops, default=float("inf"))

    def resolve(self, settled: int, not_before: float) -> None:
        """
        Tell the waiters that have nothing more to wait for.

        Args:
            settled: Every message up to this number is delivered or lost.
            not_before: Nothing more will be sent before this monotonic time.
        """
        for waiter in tuple(self._waiters):
            if settled >= waiter.target:
                lost = waiter.has_lost
                self.report(waiter)
            elif not_before > waiter.deadline:
                lost = True
            else:
                continue
            self._waiters.discard(waiter)
            waiter.done.put(not lost)

    def report(self, waiter: Waiter) -> None:
        """Note that *waiter* tells of all that happened before it began."""
        self._reported = max(self._reported, waiter.target)
        self._refused_reported = max(self._refused_reported, waiter.refused)
