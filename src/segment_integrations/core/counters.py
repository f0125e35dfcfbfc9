"""Counts what was dropped and why, and says so in the log at most once a minute."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

logger = logging.getLogger("segment_integrations")

NEVER_ACCEPTED: Final = frozenset(
    {
        *["no_identity", "consent", "sampled_out", "invalid", "too_large"],
        *["processor", "processor_failed", "failed", "refused"],
        *["plan_blocked", "unplanned", "forward_limit"],
    }
)
"""Reasons for which a call returns None; for any other one, the call had been told
that its message was accepted."""

LOG_INTERVAL_S: Final = 60.0
"""A flood of one kind is one line a minute, with a count (house rule)."""


class Throttle:
    """
    Lets one log line per *key* and interval through, and counts what it held back.

    Args:
        clock: Monotonic seconds; injected by tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, tuple[float, int]] = {}

    def log(self, key: str, level: int, text: str, *args: object) -> None:
        """Log *text* unless *key* was logged within the interval. Never raises."""
        now = self._clock()
        last, held = self._last.get(key, (float("-inf"), 0))
        if now - last < LOG_INTERVAL_S:
            self._last[key] = (last, held + 1)
            return
        self._last[key] = (now, 0)
        if held:
            text = f"{text} ({held} more since the last such line)"
        logger.log(level, text, *args)

    def failed(self, hook: str, error: Exception) -> None:
        """
        Log that *hook* raised *error*, which goes no further.

        The line names the exception's type and place, not its text: the text may
        quote a user's data.
        """
        self.log(
            f"guard:{hook}",
            logging.ERROR,
            "%s failed with %s at %s; the request is not affected",
            hook,
            type(error).__name__,
            _place(error),
        )

    def guard(self, hook: str) -> Guard:
        """Keep what *hook* raises from the host; for a ``with`` block."""
        return Guard(self, hook)


class Guard:
    """
    Keeps an exception of our own code or of a user's hook from the host.

    What is no `Exception` (cancellation, exit) passes. Where every request comes by,
    ``try`` with `Throttle.failed` does the same at a tenth of the cost.
    """

    __slots__ = ("_hook", "_throttle")

    def __init__(self, throttle: Throttle, hook: str) -> None:
        self._throttle = throttle
        self._hook = hook

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._throttle.failed(self._hook, error)
        return True


class Drops:
    """
    Messages that were not sent, by reason.

    Args:
        throttle: Where the one line a minute for each reason goes.
        on_drop: Called with the reason and the number of messages.
        on_loss: Called where messages are lost that had been accepted.
    """

    def __init__(
        self,
        throttle: Throttle,
        on_drop: Callable[[str, int], None] | None = None,
        on_loss: Callable[[], None] | None = None,
    ) -> None:
        self._throttle = throttle
        self._on_drop = on_drop
        self._on_loss = on_loss
        self._lock = threading.RLock()
        self._counts: Counter[str] = Counter()
        _live.add(self)

    def add(
        self,
        reason: str,
        count: int = 1,
        detail: str = "",
        level: int = logging.WARNING,
    ) -> None:
        """
        Count *count* messages dropped for *reason*.

        Args:
            reason: One of the words of the docs' table, ``"no_identity"``.
            count: How many messages.
            detail: A sentence on what to do; never data of the event.
            level: The log line's level.
        """
        with self._lock:
            self._counts[reason] += count
        self._throttle.log(
            f"drop:{reason}",
            level,
            "%d message(s) not sent: %s%s",
            count,
            reason,
            f" ({detail})" if detail else "",
        )
        if reason not in NEVER_ACCEPTED:
            self.lost()
        if self._on_drop is not None:
            with self._throttle.guard("on_drop"):
                self._on_drop(reason, count)

    def lost(self) -> None:
        """Note that accepted messages will not be delivered; dead letters too."""
        if self._on_loss is not None:
            self._on_loss()

    def counts(self) -> dict[str, int]:
        """A copy of the counts."""
        return dict(self._counts)

    def reset(self) -> None:
        """Start at nothing with a new lock: a forked child counts its own."""
        self._lock = threading.RLock()
        self._counts = Counter()


_live: weakref.WeakSet[Drops] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """Whoever held a lock in the parent is no thread of the child's."""
    for drops in tuple(_live):
        drops.reset()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _place(error: BaseException) -> str:
    """The innermost file and line of *error*: enough to find it, with no data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
