"""
Loses nothing when `runserver` is stopped.

Other servers end their processes by way of `atexit`, where delivery drains; so does
`runserver` with its reloader. With ``--noreload`` SIGTERM ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from segment_integrations import defaults

if TYPE_CHECKING:
    from types import FrameType

DRAIN_S: Final = 6.0
"""Source: ours; the shared deadline of delivery's exit drain and a second."""


def drain_at_sigterm() -> None:
    """Drain before SIGTERM ends a `runserver`; any other process is left alone."""
    if (
        sys.argv[1:2] == ["runserver"]
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _frame: FrameType | None) -> None:
    # From now on a second SIGTERM ends the process at once.
    signal.signal(number, signal.SIG_DFL)
    # On a thread: the main one may hold a lock just where the signal interrupted it.
    draining = threading.Thread(target=_drain, daemon=True)
    draining.start()
    draining.join(DRAIN_S)
    os.kill(os.getpid(), number)


def _drain() -> None:
    for analytics in defaults.opened():
        analytics.drain()
