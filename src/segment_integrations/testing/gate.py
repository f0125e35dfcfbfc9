"""
Decides in test runs what becomes of an event: captured, let out, or nothing at all.

One state for the whole process, inherited by forked children, and without a lock: a
lock held while a process forks would never be free in the child. It must know neither
pytest nor the client, which both call it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from segment_integrations.core.tap import SEAT, TEST_RUN_VARIABLE

logger = logging.getLogger("segment_integrations")

Receiver = Callable[[bytes], object]
"""Takes one message's JSON."""


class Gate:
    """
    The `Tap` of test runs.

    A capture takes everything while it runs. Without one, a closed gate lets nothing
    out but in live tests; one that was never closed, outside pytest, lets all out.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self.is_live = False
        self._receivers: list[Receiver] = []

    @property
    def is_capturing(self) -> bool:
        """True while a capture runs."""
        return bool(self._receivers)

    def take(self, body: bytes) -> None:
        """Give a message to the innermost capture."""
        for receiver in self._receivers[-1:]:  # a copy: it may end meanwhile
            receiver(body)

    def lets_out(self) -> bool:
        """True where an event may leave the process."""
        return not self._receivers and (self.is_live or not self.is_closed)

    def add(self, receiver: Receiver) -> None:
        """Start a capture inside all that run."""
        self._receivers.append(receiver)
        SEAT.tap = self
        SEAT.epoch += 1

    def remove(self, receiver: Receiver) -> None:
        """End a capture, wherever in the nest it is; again: no effect."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    @contextmanager
    def live(self, *, is_live: bool) -> Iterator[None]:
        """Let events out, or not, during the block."""
        before, self.is_live = self.is_live, is_live
        self.announce()
        try:
            yield
        finally:
            self.is_live = before
            self.announce()

    def announce(self) -> None:
        """Tell the children that `multiprocessing` spawns whether they may send."""
        if self.is_closed and not self.is_live:
            os.environ[TEST_RUN_VARIABLE] = str(os.getpid())
        else:
            os.environ.pop(TEST_RUN_VARIABLE, None)


GATE: Final = Gate()

settlers: Final[list[Callable[[], object]]] = []
"""
Called before captured events are read. A framework that holds events back until a
transaction ends puts one here which hands on those that no commit will ever reach.
"""


def close_gate() -> None:
    """From now on nothing leaves the process, but in live tests. For good."""
    GATE.is_closed = True
    SEAT.tap = GATE
    GATE.announce()


def settle() -> None:
    """Let the frameworks hand on what they hold back; their errors are logged."""
    for settler in tuple(settlers):
        try:
            settler()
        except Exception as error:  # noqa: BLE001 - the test's own assert comes first
            logger.error(  # noqa: TRY400 - the text may quote a user's data
                "events that wait for a transaction could not be read: %s",
                type(error).__name__,
            )
