"""
Packs accepted messages into batches within a budget of bytes, until they are taken.

Request threads exclude each other by a lock that is held for a few steps and never
during I/O. A signal handler or finalizer may interrupt its holder, which lets it in
again: so whatever belongs together is changed in one run of steps that calls nothing,
for Python runs handlers, and changes threads, only where a function begins, after a
call, and at the end of a loop's turn.
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

    from segment_integrations.delivery.spool import (
        Spool,
    )

Overflow = Literal["drop_newest", "drop_oldest", "spill"]
"""Whom a full queue costs: the newcomer, those who wait longest, or the disk."""

Refusal = Literal["closed", "too_large", "queue_full"]
"""Why a message did not come in, or had to leave; a reason of `Drops`."""

SPILL_SHARE: Final = 0.5
"""How much of the budget is used up when batches begin to go to disk. Source: ours."""

LOCK_WAIT_S: Final = 0.05
"""How often the worker looks whether the lock's holder waits for it. Source: ours."""


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
            should go to disk. Must be reentrant and must not block. False: nobody
            will look, so it is called again with the next message.
        journal: Writes each accepted message to disk at once (``spool="always"``).
    """

    def __init__(
        self,
        max_bytes: int,
        overflow: Overflow,
        *,
        max_count: int,
        clock: Callable[[], float],
        wake: Callable[[], bool | None],
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
        self._is_lent = False
        self._owes_wake = False
        self._has_asked = False  # the worker to write batches to disk
        self._count = 0  # of the open batch, and its bytes
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
        self._open = self._next()

    @property
    def held_bytes(self) -> int:
        """Bytes of the budget in use: waiting, or taken and not yet released."""
        return max(0, self._put_bytes - self._released_bytes)

    def offer(self, body: bytes) -> bool:
        """
        Add one message, or refuse it. From any thread, and reentrant.

        Returns:
            Whether it was accepted; if not, it is in `refused`.
        """
        with self._lock:
            size = len(body)
            used = self._put_bytes - self._released_bytes + size
            if (used > self._ample_bytes or self.closed or size > EVENT_MAX_BYTES) and (
                reason := self._refusal(size)
            ):
                self.refused_count += 1
                self.refused.append((body, reason))
                return False
            wakes = False
            while self._size + size + self._count >= BODIES_MAX_BYTES:
                wakes = self._seal()
            if not self._count:
                self._open.accepted_at = self._clock()
            # From here to `append` nothing is called: see above.
            work = self._open
            if not self._count and not self._sealed:
                wakes = self._owes_wake = True
            self._size += size
            self._count += 1
            self._put_bytes += size
            self.accepted += 1
            work.bodies.append(body)  # type: ignore[union-attr]  # it is open
            if self._count >= self._max_count:
                wakes = self._seal() or wakes
        if wakes or self._owes_wake:
            self._owes_wake = self._wake() is False
        if self._journal is not None:
            self._journal.write(work, body)
        return True

    def _next(self) -> Work:
        files = () if self._journal is None else (self._journal.new_file(),)
        return Work(self.accepted + 1, self._clock(), files)

    def _seal(self) -> bool:
        """
        Make the open batch one that can be taken, and open another.

        Returns:
            Whether the worker is to be woken.
        """
        work = self._open
        following = self._next()
        now = self._clock()
        if not self._count or self._open is not work:  # a handler has done it
            return False
        # From here to `append` nothing is called: see above.
        work.count = self._count
        work.size = self._size
        work.sealed_at = now
        following.first = self.accepted + 1
        self._open = following
        self._size = 0
        self._count = 0
        self._sealed.append(work)
        if len(self._sealed) != 1:
            return False
        self._owes_wake = True
        return True

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
            evicted = len(body)  # by itself: a handler may come in after a call
            self._put_bytes -= evicted
            self.refused.append((body, "queue_full"))
            if not oldest.count:
                self._sealed.remove(oldest)
        return True

    def _forget_newest(self) -> None:
        """Let what came last be on disk only: its turn is furthest away."""
        for work in reversed(self._sealed):
            if self.held_bytes <= self._ample_bytes or work.bodies is None:
                break
            if work.is_on_disk:
                self._put_bytes -= work.size
                work.bodies = None

    # The rest is for the worker, the one thread that takes, and for who waits for it.

    def lend(self) -> None:
        """
        Let the worker in while a handler waits for it within a call to `offer`.

        The interrupted call holds the lock until the handler returns, so the batch is
        sealed here. Anywhere else the worker seals, and this does nothing.
        """
        if self._is_mine():
            self._seal()
            self._is_lent = True

    def take_back(self) -> None:
        """End what `lend` began; elsewhere it does nothing."""
        if self._is_lent and self._is_mine():
            self._is_lent = False

    def _is_mine(self) -> bool:
        """Whether this thread holds the lock: `Condition` asks it the same way."""
        owned: bool = self._lock._is_owned()  # type: ignore[attr-defined]  # noqa: SLF001 - 3.11 to 3.13, gevent
        return owned

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Keep callers out, who wait for a few steps; or be lent what they hold."""
        while not (has_lock := self._lock.acquire(timeout=LOCK_WAIT_S)):
            if self._is_lent:
                break
        try:
            yield
        finally:
            if has_lock:
                self._lock.release()

    def seal(self) -> None:
        """Let `take` have what is open."""
        with self._exclusively():
            self._seal()
            self._owes_wake = False  # to whom is awake

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
        try:
            return self._sealed[0].accepted_at
        except IndexError:
            return self._open.accepted_at if self._count else None

    def first(self) -> int:
        """The number of the first message that waits, or that would. Takes no lock."""
        first = self._open.first  # read before: sealed meanwhile, it is the other one
        try:
            return self._sealed[0].first
        except IndexError:
            return first

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
