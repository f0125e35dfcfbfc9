"""Who waits for which messages, and whether any of those were lost."""

from __future__ import annotations

import queue
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LOST_KEPT: Final = 1_024
"""
Numbers of lost messages that are remembered.

Source: ours. One is enough for a flush to say False; the rest covers flushes that
overlap.
"""


class Waiter:
    """
    One call that waits until all messages up to *target* are settled.

    Args:
        target: The number of the last message that it waits for.
        since: Losses up to this number were reported by an earlier flush.
        refused: How many messages had been refused when it began.
        was_refused: Whether one of those was not reported by an earlier flush.
        deadline: When it stops waiting, in monotonic seconds.
        stopping: The process or client ends then, so no attempt may take longer.
    """

    __slots__ = (
        "deadline",
        "done",
        "refused",
        "since",
        "stopping",
        "target",
        "was_refused",
    )

    def __init__(
        self,
        target: int,
        *,
        since: int,
        refused: int,
        was_refused: bool,
        deadline: float,
        stopping: bool,
    ) -> None:
        self.target = target
        self.since = since
        self.refused = refused
        self.was_refused = was_refused
        self.deadline = deadline
        self.stopping = stopping
        # A queue of its own: no lock or condition is shared with another caller.
        self.done: queue.SimpleQueue[bool] = queue.SimpleQueue()


class Ledger:
    """Lost numbers and waiters. Every operation is one atomic step of a container."""

    def __init__(self) -> None:
        self._lost: deque[int] = deque(maxlen=LOST_KEPT)
        self._waiters: set[Waiter] = set()
        self._reported = 0
        self._refused_reported = 0

    def lose(self, numbers: Iterable[int]) -> None:
        """Note that the messages with these *numbers* will not be delivered."""
        self._lost.extend(numbers)

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
            since=self._reported,
            refused=refused,
            was_refused=refused > self._refused_reported,
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
                lost = waiter.was_refused or any(
                    waiter.since < number <= waiter.target
                    for number in tuple(self._lost)
                )
                self._reported = max(self._reported, waiter.target)
                self._refused_reported = max(self._refused_reported, waiter.refused)
            elif not_before > waiter.deadline:
                lost = True
            else:
                continue
            self._waiters.discard(waiter)
            waiter.done.put(not lost)
