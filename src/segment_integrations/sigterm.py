"""
Drains before SIGTERM ends a process, and then lets it end as it would have.

Only for processes that end by that signal itself: a server that stops in an orderly
way has a better place, and Python's `atexit` does not run after SIGTERM.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class DrainFirst:
    """
    A handler of SIGTERM that drains, then does what was to be done before.

    It drains within the handler, so that the process neither goes on nor ends by
    itself meanwhile. Should that take half of the time, the main thread may hold a lock
    just where the signal interrupted it: then it goes on, while a thread drains and
    sends the signal again.

    A second SIGTERM from outside ends the process without waiting.

    Args:
        drain: Sends what is queued, within the seconds that it is given; whether all
            was delivered.
        timeout: Seconds in all.
    """

    def __init__(self, drain: Callable[[float], bool], timeout: float) -> None:
        self._drain = drain
        self._timeout = timeout
        self._before: Any = signal.SIG_DFL
        self._deadline = 0.0
        self._is_draining = False
        self._has_drained = False
        self._has_handed_on = False

    def install(self) -> None:
        """
        Handle SIGTERM from now on.

        Raises:
            ValueError: This is not the main thread.
        """
        before = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self)
        self._before = signal.SIG_DFL if before is None else before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Begin to drain; when called again, end."""
        if not self._is_draining:
            self._is_draining = True
            self._deadline = time.monotonic() + self._timeout
            is_done = self._drain(self._timeout / 2)
            is_early = self._left() > self._timeout / 2
            if not (is_done or is_early) and self._start():
                return
        elif self._has_drained:
            self._drain(self._left())
        if self._has_handed_on:  # by a second signal, in the meantime
            return
        if callable(self._before):
            self._has_handed_on = True
            signal.signal(number, self._before)
            self._before(number, frame)
        elif self._before is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _start(self) -> bool:
        try:
            threading.Thread(target=self._drain_beside, daemon=True).start()
        except RuntimeError:  # no thread can be started any more
            return False
        return True

    def _drain_beside(self) -> None:
        try:
            self._drain(self._left())
        finally:
            self._has_drained = True
            if not self._has_handed_on:
                os.kill(os.getpid(), signal.SIGTERM)

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())
