"""The one place where test helpers listen; empty in production."""

from __future__ import annotations

import os
import sys
from typing import Final, Protocol


class Tap(Protocol):
    """Stands before delivery while tests run."""

    @property
    def is_capturing(self) -> bool:
        """True while some test looks at the events: nothing else gets them."""
        ...

    def take(self, body: bytes) -> None:
        """Take an accepted message's JSON."""
        ...

    def lets_out(self) -> bool:
        """True where a test said that its events may leave the process."""
        ...

    @property
    def is_watching(self) -> bool:
        """True where the test run checks all events against a plan of its own."""
        ...

    def see(self, body: bytes) -> None:
        """Be told of an accepted message's JSON, whatever becomes of it. No error."""
        ...


class Seat:
    """Holds the tap: an attribute, so that every module sees a change of it."""

    tap: Tap | None = None
    epoch = 0
    """Counts the times that a test began to look: what was said before is over."""


SEAT = Seat()


TEST_RUN_VARIABLE: Final = "_SEGMENT_TEST_RUN_PID"
"""The process id of a test run whose events must not leave it."""


def is_test_run() -> bool:
    """
    True inside a pytest process, whether or not our plugin is on.

    And inside a child that it spawned by `multiprocessing`, which starts with nothing
    but the environment. A server that a test starts as a program is no part of the
    test run: it sends.
    """
    if "pytest" in sys.modules and (
        "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
    ):
        return True
    run = os.environ.get(TEST_RUN_VARIABLE)
    return run is not None and run == str(parent_pid())


def parent_pid() -> int | None:
    """In a process that `multiprocessing` started: whose child it is."""
    if "multiprocessing" not in sys.modules:
        return None
    parent = sys.modules["multiprocessing"].parent_process()
    return None if parent is None else parent.pid
