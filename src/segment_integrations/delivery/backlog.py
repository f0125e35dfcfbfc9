"""
What is still to be sent, in its order: in memory, on disk, and left by others.

Of this process everything goes out in the order of the calls, whether it waited in
memory or on disk. What another process left goes in turn with it, a batch each, oldest
first, so that neither has to wait for the end of the other.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from segment_integrations.delivery.batch import count_limit, fits
from segment_integrations.delivery.folders import (
    Left,
)
from segment_integrations.delivery.spool import (
    RECORD_OVERHEAD_BYTES,
    SYNC_EVERY_S,
    Spool,
)
from segment_integrations.delivery.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.delivery.options import Options
    from segment_integrations.delivery.queue import ByteQueue

ADOPT_EVERY_S: Final = 30.0
"""How soon what a process left behind is found. Source: ours."""

ROTATE_S: Final = 60.0
"""No batch stays open longer while nothing can be sent. Source: delivery 6."""

SPILL_PAUSE_S: Final = 10.0
"""After the disk refused a batch, so that it is not asked for each. Source: ours."""

OUTAGE_S: Final = 10.0
"""A longer one sends the queue to disk, where there is a spool. Source: delivery 6."""


class Backlog:
    """
    Picks the next batch, and moves batches between memory and disk.

    Args:
        queue: What this process accepted.
        spool: Its disk, or None.
        options: What the user set.
        lost: Counts messages that the disk has lost: how many, the reason, a detail.
    """

    def __init__(
        self,
        queue: ByteQueue,
        spool: Spool | None,
        options: Options,
        lost: Callable[[Work, int, str, str], object],
    ) -> None:
        self._queue = queue
        self._spool = spool
        self._options = options
        self._lost = lost
        self._max_count = count_limit(options.flush_at)
        self.front: deque[Work] = deque()
        """In the worker's hands, in memory; the first of them is sent next."""
        self._adopted: deque[Work] = deque()
        self._adopted_is_next = False
        self.adopted_count = 0
        """Messages that were taken over from other processes so far."""
        self.settled = 0
        """Messages that nothing has to be done about any more."""
        self.kept = 0
        """Messages that were left on disk to the next process."""
        self._adopt_at = float("-inf")
        self._sync_at = float("-inf")
        self._spill_at = float("-inf")

    @property
    def pending(self) -> int:
        """Messages that this process is still to send. Takes no lock."""
        queue = self._queue
        known = queue.accepted - queue.evicted_count + self.adopted_count
        return known - self.settled - self.kept

    @property
    def is_adopting(self) -> bool:
        """Whether something that another process left is still to be sent."""
        return bool(self._adopted) or any(not work.first for work in tuple(self.front))

    def oldest_at(self) -> float | None:
        """When the oldest message was accepted. Takes no lock."""
        times = [work.accepted_at for work in (*self.front, *self._adopted)[:1]]
        queued = self._queue.oldest_at()
        return min(times if queued is None else [*times, queued], default=None)

    def settled_up_to(self) -> int:
        """The last number up to which this process's messages are all settled."""
        for work in tuple(self.front):
            if work.first:
                return work.first - 1
        return self._queue.first() - 1

    def advance(self) -> Work | None:
        """The batch to send next, at the front and in memory; None if none can be."""
        while not self.front:
            work = self._pick()
            if work is None:
                return None
            if work.bodies is None:
                self._load(work)
            if work.count:
                self.front.append(work)  # before: no fault of a look may lose it
                self._look_at(work)
            else:
                self.settle(work)
        self._fit()
        return self.front[0]

    def _pick(self) -> Work | None:
        self._adopted_is_next = not self._adopted_is_next
        if self._adopted_is_next and self._adopted:
            return self._adopted.popleft()
        work = self._queue.take()
        if work is None and self._adopted:
            return self._adopted.popleft()
        return work

    def _load(self, work: Work) -> None:
        """Read *work* into memory; what the disk has lost is counted."""
        bodies: list[bytes] = []
        for file in tuple(work.files):
            try:
                bodies += file.read().bodies
            except OSError as error:
                self._lost(work, 0, "spool_damaged", type(error).__name__)
                work.files.remove(file)  # it stays: perhaps it can be read later
        missing = work.count - len(bodies)
        if missing > 0:
            self._lost(work, missing, "spool_damaged", "records could not be read")
            self.settled += missing
        elif missing < 0:  # written by a call that was taken for a failed one
            self.adopted_count -= missing
        work.fill(bodies, work.sealed_at)
        self._queue.release(-work.size)

    def _look_at(self, work: Work) -> None:
        """Have *work* looked at, once in its life, which may make it longer."""
        inspect = self._options.inspect
        if inspect is None or work.bodies is None:
            return
        bodies, size = inspect(work.bodies, not work.first), work.size
        if bodies is not work.bodies:
            work.fill(bodies, work.sealed_at)
            self._queue.release(size - work.size)

    def _fit(self) -> None:
        """Split what another process packed under wider limits, or what has grown."""
        while self.front[0].count > 1 and not fits(
            self.front[0].count, self.front[0].size, self._max_count
        ):
            self.split()

    def split(self) -> None:
        """Put two halves in the place of the first batch."""
        halves = self.front.popleft().split()
        self.front.extendleft(reversed(halves))

    def settle(self, work: Work) -> None:
        """Note that nothing has to be done about *work* any more; its files go."""
        self.settled += work.count
        if work.bodies is not None:
            self._queue.release(work.size)
        for file in work.files:
            if self._spool is not None:
                self._spool.forget(file)

    # -- the disk ---------------------------------------------------------------

    def tend(self, now: float, *, is_outage: bool) -> float:
        """
        Do what is due on the disk.

        Args:
            now: Monotonic seconds.
            is_outage: Whether nothing gets through for longer than `OUTAGE_S`.

        Returns:
            Seconds until something is due again.
        """
        oldest = self._queue.oldest_at()
        if self.front and oldest is not None and now - oldest > ROTATE_S:
            self._queue.seal()
        if self._spool is None:
            return float("inf") if oldest is None else ROTATE_S
        if now >= self._adopt_at:
            self._adopt_at = now + ADOPT_EVERY_S
            self._adopt(self._spool.adopt(), now)
        if (
            self._options.spool == "overflow"
            and now >= self._spill_at
            and (is_outage or self._queue.is_crowded)
            and not self._spill(self._spool)
        ):
            self._spill_at = now + SPILL_PAUSE_S
        while self._spool.excess_bytes > 0 and self._drop_oldest_file(self._spool):
            pass
        if now >= self._sync_at and self._spool.sync():
            self._sync_at = now + SYNC_EVERY_S
        return SYNC_EVERY_S if self.pending else self._adopt_at - now

    def _adopt(self, found: list[Left], now: float) -> None:
        wall = self._spool.now() if self._spool is not None else 0.0
        for left in found:
            work = Work(0, now - max(0.0, wall - left.ended_at), (left.file,))
            left.file.records = left.lines
            work.bodies = None
            work.count = left.lines
            work.size = max(0, left.file.size - left.lines * RECORD_OVERHEAD_BYTES)
            self.adopted_count += work.count
            self._adopted.append(work)

    def _spill(self, spool: Spool) -> bool:
        """
        Write what waits in memory, the front excepted, and forget it there.

        Returns:
            False where the disk refused.
        """
        self._queue.seal()
        tail: Work | None = None
        for work in self._queue.sealed():
            if not work.count:  # the spool's cap has cost it
                continue
            if work.bodies is None:
                tail = work
                continue
            behind = (
                tail if tail is not None and self._goes_behind(work, tail) else None
            )
            if not spool.save(work, behind, self._age(work)):
                return False
            self._queue.leave_memory(work, behind)
            tail = behind or work
        return True

    def _goes_behind(self, work: Work, tail: Work) -> bool:
        return (
            tail.is_on_disk
            and work.sealed_at - tail.accepted_at < ROTATE_S
            and fits(tail.count + work.count, tail.size + work.size, self._max_count)
        )

    def _drop_oldest_file(self, spool: Spool) -> bool:
        """Make room on disk; what is in memory as well stays there."""
        for work in (*self._adopted, *self.front, *self._queue.sealed()):
            files = [file for file in work.files if not file.is_removed]
            for file in files:
                file.is_whole = False
                spool.forget(file)
            if files and work.bodies is None:
                self._lost(work, work.count, "spool_full", "its cap is reached")
                self.settled += work.count
                work.fill([], work.sealed_at)
            if files:
                return True
        return False

    def keep(self) -> tuple[int, list[Work]]:
        """
        Leave what can be left to the next process; the backlog is empty afterwards.

        Returns:
            How many messages are on disk now, and the batches that are not.
        """
        self._queue.seal()
        works = [*self.front, *self._adopted]
        self.front.clear()
        self._adopted.clear()
        while (work := self._queue.take()) is not None:
            works.append(work)
        gone: list[Work] = []
        kept = 0
        for work in works:
            if not self._is_kept(work):
                gone.append(work)
                continue
            kept += work.count
            if work.bodies is not None:
                self._queue.release(work.size)
        self.kept += kept
        return kept, gone

    def stop_adopting(self) -> None:
        """Take nothing over any more: this process has closed."""
        self._adopt_at = float("inf")

    def _is_kept(self, work: Work) -> bool:
        if self._spool is None:
            return False
        if work.bodies is None or not work.count:
            return True
        if work.is_on_disk and not work.is_part:
            return True
        return self._spool.save(work, None, self._age(work))

    def _age(self, work: Work) -> float:
        return max(0.0, self._options.clock() - work.accepted_at)
