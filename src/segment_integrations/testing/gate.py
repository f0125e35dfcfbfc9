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
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from segment_integrations.core.tap import SEAT, TEST_RUN_VARIABLE, parent_pid

logger = logging.getLogger("segment_integrations")

Receiver = Callable[[bytes], object]
"""Takes one message's JSON."""

WATCH_VARIABLE: Final = "_SEGMENT_TEST_WATCH"
"""The process id of a run that watches, and where its children leave their events."""


class Watcher(Protocol):
    """Looks at all events of a run, captured or not."""

    folder: str
    """Where the children of this process leave theirs."""

    @property
    def is_on(self) -> bool:
        """False in a test that is left out."""
        ...

    def see(self, body: bytes) -> None:
        """Look at one message's JSON, on the thread of the call. Never raises."""
        ...


class Letters:
    """
    Leaves the events of a child process in *folder*, for the run to read.

    Args:
        folder: The run's; each process has a file of its own in it.
    """

    is_on = True

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def see(self, body: bytes) -> None:
        """Add one line; what can't be written is lost, which harms no test."""
        path = os.path.join(self.folder, str(os.getpid()))  # noqa: PTH118 - no import
        with suppress(OSError):
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, body + b"\n")
            finally:
                os.close(file)


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
        self._watcher: Watcher | None = None

    @property
    def is_capturing(self) -> bool:
        """True while a capture runs."""
        return bool(self._receivers)

    @property
    def is_watching(self) -> bool:
        """True in tests whose events are checked against the plan of the run."""
        return self._watcher is not None and self._watcher.is_on

    def see(self, body: bytes) -> None:
        """Show an accepted message to who watches the whole run."""
        if self._watcher is not None:
            self._watcher.see(body)

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

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Show *watcher* all events during the block, those of children as well."""
        before, self._watcher = self._watcher, watcher
        self.announce()
        try:
            yield
        finally:
            self._watcher = before
            self.announce()

    def follow(self) -> None:
        """In a child that a watching run spawned: leave it what is fired here."""
        run, _, folder = os.environ.get(WATCH_VARIABLE, "").partition(":")
        if run and self._watcher is None and run == str(parent_pid()):
            self._watcher = Letters(folder)

    def announce(self) -> None:
        """Tell the children that `multiprocessing` spawns what this run lets them."""
        pid = os.getpid()
        watcher = self._watcher
        _set(TEST_RUN_VARIABLE, pid if self.is_closed and not self.is_live else None)
        _set(WATCH_VARIABLE, None if watcher is None else f"{pid}:{watcher.folder}")


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
    GATE.follow()
    GATE.announce()


def _set(variable: str, value: object) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = str(value)


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
