"""Says what becomes of messages that will not be delivered: kept aside, or dropped."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from segment_integrations.delivery.dead import DeadLetters
from segment_integrations.delivery.hooks import shown
from segment_integrations.delivery.spool import (
    Spool,
    is_full,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.ports import Answer
    from segment_integrations.delivery.hooks import Hooks
    from segment_integrations.delivery.ledger import Ledger
    from segment_integrations.delivery.options import Options
    from segment_integrations.delivery.work import Work
    from segment_integrations.errors import TransportError

OVERSIZE_MAX_BYTES: Final = 1024 * 1024
"""A larger message is no mistake about a limit; it is dropped. Source: ours."""

OVERSIZE_WAITING: Final = 16
"""So many may wait for the worker, outside of the queue's budget. Source: ours."""


class Losses:
    """
    Sets messages aside where there is a `spool_dir`, else counts them as dropped.

    Either way the log has a line, the hooks are told, and a flush that waits for them
    learns that they were not delivered.

    Args:
        options: What the user set.
        drops: Counts what is dropped.
        ledger: Tells the waiters.
        hooks: Tells the user.
        throttle: Where log lines go.
    """

    def __init__(
        self,
        options: Options,
        drops: Drops,
        ledger: Ledger,
        hooks: Hooks,
        throttle: Throttle,
    ) -> None:
        self._options = options
        self._drops = drops
        self._ledger = ledger
        self._hooks = hooks
        self._throttle = throttle
        self._oversize: deque[bytes] = deque()
        self._burying = threading.Lock()
        self.dead = 0
        """Messages that were set aside."""
        self.spool_error: str | None = None
        """What the disk refused last."""
        self._letters = (
            None
            if options.spool_dir is None
            else DeadLetters(
                options.spool_dir, options.write_key, failed=self.disk_failed
            )
        )

    def open_spool(self) -> Spool | None:
        """This process's spool, if there is to be one."""
        options = self._options
        if options.spool == "off" or options.spool_dir is None:
            return None
        return Spool(
            options.spool_dir,
            options.write_key,
            failed=self.disk_failed,
            max_bytes=options.spool_max_bytes,
        )

    def disk_failed(self, error: OSError) -> None:
        """Say so in the log; the host runs on, and so does delivery from memory."""
        self.spool_error = error.strerror or type(error).__name__
        self._throttle.log(
            "spool",
            logging.ERROR,
            "the spool in %s can't be used (%s): %s",
            self._options.spool_dir,
            self.spool_error,
            "make room on the disk"
            if is_full(error)
            else "events are kept in memory only until it can be written",
        )

    def rejected(self, work: Work, answer: Answer) -> None:
        """The endpoint will never take *work*."""
        bodies = work.bodies or ()
        text = shown(answer.body)
        detail = f"the answer was {answer.status}"
        self._part_with(work, "rejected", detail, status=answer.status, answer=text)
        self._hooks.rejected(bodies, answer.status, text)

    def expired(self, work: Work, fault: TransportError | None) -> None:
        """*work* is older than `max_age`."""
        bodies = work.bodies or ()
        detail = f"older than {self._options.max_age:g} s"
        self._part_with(work, "expired", detail)
        self._hooks.expired(bodies, work.attempts, fault)

    @property
    def waiting(self) -> int:
        """Messages over Segment's limit that are still to be set aside."""
        return len(self._oversize)

    def take_oversize(self, body: bytes) -> bool:
        """
        Have the worker set aside a message that is over Segment's limit.

        From any thread, without I/O.

        Returns:
            False where it can't be kept, so that the caller counts it.
        """
        if (
            self._letters is None
            or len(body) > OVERSIZE_MAX_BYTES
            or len(self._oversize) >= OVERSIZE_WAITING
        ):
            return False
        self._oversize.append(body)
        return True

    def bury(self, patience: float = 0.0) -> None:
        """
        Set aside what waits for it; from any thread.

        Args:
            patience: Seconds to wait for another thread that does the same.
        """
        if not self._burying.acquire(timeout=patience):
            return
        try:
            while self._oversize:
                if not self._set_aside((self._oversize[0],), "too_large"):
                    self._drops.add("too_large")
                self._oversize.popleft()
        finally:
            self._burying.release()

    def on_disk(self, work: Work, count: int, reason: str, detail: str) -> None:
        """The disk has lost *count* messages of *work*."""
        self.note(work)
        if count:
            self._drops.add(reason, count, detail, logging.ERROR)

    def note(self, work: Work) -> None:
        """Let those who wait for *work* know that it is not delivered."""
        if work.first and work.count:
            self._ledger.lose(work.first, work.first + work.count - 1)

    def _part_with(
        self,
        work: Work,
        reason: str,
        detail: str,
        *,
        status: int | None = None,
        answer: str = "",
    ) -> None:
        self.note(work)
        if not self._set_aside(work.bodies or (), reason, status, answer):
            self._drops.add(reason, work.count, detail, logging.ERROR)

    def _set_aside(
        self,
        bodies: Sequence[bytes],
        reason: str,
        status: int | None = None,
        answer: str = "",
    ) -> bool:
        kept = tuple(bodies)
        if self._letters is None or not self._letters.add(
            kept, reason, status=status, answer=answer
        ):
            return False
        self.dead += len(kept)
        self._drops.lost()
        self._throttle.log(
            f"dead:{reason}",
            logging.ERROR,
            "%d message(s) set aside as dead letters: %s",
            len(kept),
            reason,
        )
        return True
