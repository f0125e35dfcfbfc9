"""
Holds accepted messages until the worker takes them, within a budget of bytes.

Three kinds of caller meet here: request threads, a signal handler or finalizer that
interrupts one of them in the middle, and the worker. Request threads exclude each
other by a lock that is never held during I/O and that the worker never takes; what
interrupts is put aside in an inbox and admitted by the call it interrupted; the
worker relies on `deque` alone, whose single operations are atomic.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.delivery.batch import BODIES_MAX_BYTES, fits

if TYPE_CHECKING:
    from collections.abc import Callable

Overflow = Literal["drop_newest", "drop_oldest"]
"""Whom a full queue costs: the newcomer, or those who wait longest."""

Refusal = Literal["closed", "too_large", "queue_full"]
"""Why a message did not come in, or had to leave; a reason of `Drops`."""


class Entry(NamedTuple):
    """
    One accepted message.

    Args:
        body: UTF-8 JSON.
        accepted_at: Monotonic seconds.
        number: Its place among all messages offered in this process, from 1.
    """

    body: bytes
    accepted_at: float
    number: int


class ByteQueue:
    """
    A first-in, first-out queue bounded by bytes.

    The budget covers bodies, also those that were taken and are not yet released;
    Python's own objects add about 150 bytes a message.

    Args:
        max_bytes: The budget.
        overflow: What happens when it is used up.
        full_at: Messages that make a batch worth sending without delay.
        clock: Monotonic seconds.
        wake: Called when the worker has a reason to look: the first message, or a
            full batch. Must be reentrant and must not block.
    """

    def __init__(
        self,
        max_bytes: int,
        overflow: Overflow,
        *,
        full_at: int,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._max_bytes = max_bytes
        self._overflow = overflow
        self._full_at = full_at
        self._clock = clock
        self._wake = wake
        self._lock = threading.RLock()
        self._inbox: deque[tuple[bytes, float]] = deque()
        self._admitting = False
        self._items: deque[Entry] = deque()
        self.offered = 0
        """The number of the last message offered, accepted or not."""
        self.refused: deque[tuple[Entry, Refusal]] = deque()
        """What will not be sent, for the caller of `offer` to take out and count."""
        self.closed = False
        """Whether everything is refused from here on."""
        self._put_bytes = 0  # changed under the lock
        self._taken_bytes = 0  # changed by the worker only, as is the next
        self._released_bytes = 0
        self._carried: Entry | None = None

    def __len__(self) -> int:
        return len(self._items) + (self._carried is not None)

    @property
    def held_bytes(self) -> int:
        """Bytes of the budget in use: waiting, or taken and not yet released."""
        return max(0, self._put_bytes - self._released_bytes)

    def offer(self, body: bytes) -> bool:
        """
        Add one message, or refuse it. From any thread, and reentrant.

        Returns:
            Whether it was accepted. A call that interrupts another one of the same
            thread gets True; should there be no room after all, the message is in
            `refused` like any other.
        """
        mine = (body, self._clock())
        accepted = True
        with self._lock:
            self._inbox.append(mine)
            while self._inbox and not self._admitting:
                self._admitting = True
                try:
                    while self._inbox:
                        waiting = self._inbox.popleft()
                        outcome = self._admit(*waiting)
                        if waiting is mine:
                            accepted = outcome
                finally:
                    self._admitting = False
        return accepted

    def _admit(self, body: bytes, accepted_at: float) -> bool:
        """Under the lock, and never within itself: the numbers are exact."""
        entry = Entry(body, accepted_at, self.offered + 1)
        size = len(body)
        refusal = self._refusal(size)
        if refusal is not None:
            self.refused.append((entry, refusal))
            self.offered = entry.number
            return False
        before = self._put_bytes - self._taken_bytes
        self._items.append(entry)
        self._put_bytes += size
        self.offered = entry.number  # last: whoever reads it may count on the rest
        waiting = len(self._items)
        if waiting in (1, self._full_at) or before < BODIES_MAX_BYTES <= before + size:
            self._wake()
        return True

    def _refusal(self, size: int) -> Refusal | None:
        """Why *size* more bytes can't come in, after making room if so chosen."""
        if self.closed:
            return "closed"
        if size > EVENT_MAX_BYTES:
            return "too_large"
        while self.held_bytes + size > self._max_bytes:
            if self._overflow == "drop_newest" or size > self._max_bytes:
                return "queue_full"
            try:
                oldest = self._items.popleft()
            except IndexError:  # all that is left is in the worker's hands
                return "queue_full"
            self._put_bytes -= len(oldest.body)
            self.refused.append((oldest, "queue_full"))
        return None

    # The rest is for the worker, the one thread that takes.

    @property
    def is_full(self) -> bool:
        """Whether the next batch would leave nothing to wait for."""
        waiting_bytes = self._put_bytes - self._taken_bytes
        return len(self) >= self._full_at or waiting_bytes >= BODIES_MAX_BYTES

    def oldest(self) -> Entry | None:
        """The entry that `take` would begin with. Also safe from other threads."""
        carried = self._carried
        if carried is not None:
            return carried
        try:
            return self._items[0]
        except IndexError:
            return None

    def take(self, max_count: int) -> list[Entry]:
        """Take the next batch: at most *max_count* messages, and what a body holds."""
        entries: list[Entry] = []
        total = 0
        while len(entries) < max_count and (entry := self._next()) is not None:
            grown = fits(total, entry.body)
            if grown is None:
                self._carried = entry  # first of the next batch; never put back
                break
            total = grown
            entries.append(entry)
        self._taken_bytes += sum(len(entry.body) for entry in entries)
        return entries

    def _next(self) -> Entry | None:
        carried, self._carried = self._carried, None
        if carried is not None:
            return carried
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def release(self, size: int) -> None:
        """Give *size* bytes of taken messages back to the budget."""
        self._released_bytes += size
