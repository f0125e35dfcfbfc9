"""
Packs accepted messages into batches within a budget of bytes, until they are taken.

Request threads exclude each other by a lock that is held for a few steps and never
during I/O. A signal handler or finalizer that interrupts its holder puts its message
aside, into an inbox, and the call that it interrupted admits it. What is taken is
sealed before, and a thread seals even within a call of its own that it interrupted: so
a handler may wait for a flush, and the worker needs no lock for what is sealed.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.delivery.batch import BODIES_MAX_BYTES, fits
from segment_integrations.delivery.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from segment_integrations.delivery.spool import Spool

Overflow = Literal["drop_newest", "drop_oldest", "spill"]
"""Whom a full queue costs: the newcomer, those who wait longest, or the disk."""

Refusal = Literal["closed", "too_large", "queue_full"]
"""Why a message did not come in, or had to leave; a reason of `Drops`."""

SPILL_SHARE: Final = 0.5
"""How much of the budget is used up when batches begin to go to disk. Source: ours."""

LOCK_WAIT_S: Final = 0.05
"""
The worker's patience with the lock, which is held for microseconds.

Source: ours. Only a signal handler that waits within an interrupted call is slower.
"""


class ByteQueue:
    """
    A first-in, first-out queue of batches, bounded by the bytes that are in memory.

    The budget covers bodies, also those that were taken and are not yet released;
    Python's own objects add about 50 bytes a message.

    Args:
        max_bytes: The budget.
        overflow: What happens when it is used up.
        max_count: Messages in one batch.
        clock: Monotonic seconds.
        wake: Called when the worker has a reason to look: a batch begins, is full, or
            should go to disk. Must be reentrant and must not block.
        journal: Writes each accepted message to disk at once (``spool="always"``).
    """

    def __init__(
        self,
        max_bytes: int,
        overflow: Overflow,
        *,
        max_count: int,
        clock: Callable[[], float],
        wake: Callable[[], None],
        journal: Spool | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        self._ample_bytes = int(
            max_bytes * SPILL_SHARE if overflow == "spill" else max_bytes
        )
        self._overflow = overflow
        self._max_count = max_count
        self._clock = clock
        self._wake = wake
        self._journal = journal
        self._lock = threading.RLock()
        self._inbox: deque[bytes] = deque()
        self._is_busy = False
        self._is_sealing = False
        self._has_asked = False  # the worker to write batches to disk
        self._bodies: list[bytes] = []  # of the open batch, and their bytes
        self._size = 0
        self._sealed: deque[Work] = deque()
        self._put_bytes = 0  # changed under the lock
        self._released_bytes = 0  # changed by the worker only
        self.accepted = 0
        """The number of the last message that was accepted."""
        self.refused_count = 0
        """Messages that were not accepted."""
        self.refused: deque[tuple[bytes, Refusal]] = deque()
        """What will not be sent, for the caller of `offer` to take out and count."""
        self.evicted_count = 0
        """Messages that were accepted and had to leave."""
        self.evicted: deque[int] = deque()
        """The numbers of those, for the caller of `offer` as well."""
        self.closed = False
        """Whether everything is refused from here on."""
        self._open = self._next(1)

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
        with self._lock:
            if self._is_busy:
                self._inbox.append(body)
                return True
            self._is_busy = True
            try:
                size = len(body)
                used = self._put_bytes - self._released_bytes + size
                if (
                    used > self._ample_bytes or self.closed or size > EVENT_MAX_BYTES
                ) and (reason := self._refusal(size)):
                    self.refused_count += 1
                    self.refused.append((body, reason))
                    return False
                bodies = self._bodies
                if self._size + size + len(bodies) >= BODIES_MAX_BYTES:
                    self._seal()
                is_first = not bodies
                if is_first:
                    self._open.accepted_at = self._clock()
                bodies.append(body)
                work = self._open
                self._size += size
                self._put_bytes += size
                self.accepted += 1
                if len(bodies) >= self._max_count:
                    self._seal()
            finally:
                self._is_busy = False
        if is_first and not self._sealed:
            self._wake()  # now that the worker can see what it is woken for
        if self._inbox:
            self.admit_inbox()
        if self._journal is not None:
            self._journal.write(work, body)
        return True

    def admit_inbox(self) -> None:
        """Admit what interrupted a call; the call does so, or whoever comes next."""
        while self._inbox:
            try:
                body = self._inbox.popleft()
            except IndexError:  # another thread was faster
                return
            self.offer(body)

    def _next(self, first: int) -> Work:
        files = () if self._journal is None else (self._journal.new_file(),)
        return Work(first, self._clock(), files)

    def _seal(self) -> None:
        """
        Make the open batch one that can be taken, and open another.

        The list stays and its content is copied, so that a call which was interrupted
        by this one goes on with the list that is still the open one.
        """
        bodies = self._bodies
        if not bodies or self._is_sealing:
            return
        self._is_sealing = True
        try:
            work = self._open
            work.fill(bodies[:], self._clock())
            self._open = self._next(work.first + work.count)
            self._sealed.append(work)
            bodies.clear()
            self._size = 0
        finally:
            self._is_sealing = False
        if len(self._sealed) == 1:
            self._wake()

    def _refusal(self, size: int) -> Refusal | None:
        """Why *size* more bytes can't come in, after making room if so chosen."""
        if self.closed:
            return "closed"
        if size > EVENT_MAX_BYTES:
            return "too_large"
        return None if self._has_room(size) else "queue_full"

    def _has_room(self, size: int) -> bool:
        """Whether *size* more bytes can come in, after making room if so chosen."""
        if self._overflow == "spill" and self._journal is not None:
            self._forget_newest()
            if self.held_bytes + size > self._max_bytes:
                self._seal()
                self._forget_newest()
        elif self._overflow == "spill" and not self._has_asked:
            self._has_asked = True
            self._wake()  # the worker writes, and this call does not wait for it
        while self.held_bytes + size > self._max_bytes:
            if self._overflow != "drop_oldest" or size > self._max_bytes:
                return False
            if not self._sealed:
                self._seal()
            oldest = next((work for work in self._sealed if work.bodies), None)
            if oldest is None:  # all that is left is in the worker's hands
                return False
            self.evicted.append(oldest.first)
            self.evicted_count += 1
            body = oldest.drop_first()
            self._put_bytes -= len(body)
            self.refused.append((body, "queue_full"))
        return True

    def _forget_newest(self) -> None:
        """Let what came last be on disk only: its turn is furthest away."""
        for work in reversed(self._sealed):
            if self.held_bytes <= self._ample_bytes or work.bodies is None:
                break
            if work.is_on_disk:
                self._put_bytes -= work.size
                work.bodies = None

    # The rest is for the worker, the one thread that takes.

    @contextmanager
    def _exclusively(self) -> Iterator[bool]:
        """
        Keep callers out; they wait for a few steps.

        Gives False where the lock stays taken: its holder is interrupted by a signal
        handler that waits for us. It has sealed, and nobody else can come in.
        """
        has_lock = self._lock.acquire(timeout=LOCK_WAIT_S)
        was_busy, self._is_busy = self._is_busy, True
        try:
            yield has_lock
        finally:
            self._is_busy = was_busy
            if has_lock:
                self._lock.release()
        if not was_busy:
            self.admit_inbox()

    def seal(self) -> None:
        """Let `take` have what is open. From any thread, and in signal handlers."""
        with self._exclusively() as is_alone:
            if is_alone:
                self._seal()

    @property
    def is_crowded(self) -> bool:
        """Whether so much is in memory that batches should go to disk."""
        return self.held_bytes > self._ample_bytes

    @property
    def has_sealed(self) -> bool:
        """Whether a batch is there that need not wait for more."""
        return bool(self._sealed)

    def oldest_at(self) -> float | None:
        """When the first message that waits was accepted. Takes no lock."""
        for work in tuple(self._sealed):
            return work.accepted_at
        return self._open.accepted_at if self._bodies else None

    def first(self) -> int:
        """The number of the first message that waits, or that would. Takes no lock."""
        for work in tuple(self._sealed):
            return work.first
        return self._open.first

    def take(self) -> Work | None:
        """Take the first sealed batch, with those behind it that fit in as well."""
        with self._exclusively():
            if not self._sealed:
                return None
            work = self._sealed.popleft()
            while self._sealed and self._joins(work, self._sealed[0]):
                work.join(self._sealed.popleft())
        return work

    def _joins(self, work: Work, following: Work) -> bool:
        return (
            work.bodies is not None
            and following.bodies is not None
            and fits(
                work.count + following.count,
                work.size + following.size,
                self._max_count,
            )
        )

    def sealed(self) -> tuple[Work, ...]:
        """What can be taken, in order; from here on `wake` may ask for room again."""
        self._has_asked = False
        return tuple(self._sealed)

    def leave_memory(self, work: Work, behind: Work | None = None) -> None:
        """
        Note that *work*, which was written to disk, needs no memory any more.

        Args:
            work: One of `sealed`.
            behind: The one before it, to whose file it was added. None: it has its own.
        """
        with self._exclusively():
            self._put_bytes -= work.size
            if behind is None:
                work.bodies = None
            else:
                behind.count += work.count
                behind.size += work.size
                behind.sealed_at = work.sealed_at
                self._sealed.remove(work)

    def release(self, size: int) -> None:
        """Give *size* bytes of the memory's budget back."""
        self._released_bytes += size
