"""What code reads of `client.queue`, answered by our engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.client import Analytics


class Queue:
    """
    Looks like the `queue.Queue` of their client, to who reads it.

    Args:
        analytics: Gives the engine.
        maxsize: `max_queue_size`: how many messages may wait; 0 and less: no limit
            beside the engine's bytes.
    """

    def __init__(self, analytics: Callable[[], Analytics | None], maxsize: int) -> None:
        self._analytics = analytics
        self.maxsize = maxsize

    def qsize(self) -> int:
        """How many messages wait or are in flight."""
        analytics = self._analytics()
        return 0 if analytics is None else analytics.stats().pending_events

    @property
    def unfinished_tasks(self) -> int:
        """The same."""
        return self.qsize()

    def empty(self) -> bool:
        """Whether none does."""
        return not self.qsize()

    def full(self) -> bool:
        """Whether as many wait as may."""
        return 0 < self.maxsize <= self.qsize()
