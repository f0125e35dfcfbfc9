"""The one place where test helpers listen; empty in production."""

from __future__ import annotations

import os
import sys
from typing import Protocol


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


class Seat:
    """Holds the tap: an attribute, so that every module sees a change of it."""

    tap: Tap | None = None


SEAT = Seat()


def is_test_run() -> bool:
    """True inside a pytest process, whether or not our plugin is on."""
    return "pytest" in sys.modules and (
        "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
    )
