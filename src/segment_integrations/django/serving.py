"""
Loses nothing when a server that ends by SIGTERM itself is stopped.

Most servers end their processes by way of `atexit`, where delivery drains. These do
not, and Django has no lifespan that would tell: ``runserver --noreload`` leaves
SIGTERM alone, and uvicorn raises it again when it has served its last request. The
exit status stays what it was.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import async_to_sync

from segment_integrations import defaults
from segment_integrations.sigterm import DrainFirst

if TYPE_CHECKING:
    from types import FrameType

DRAIN_S: Final = 5.0
"""Source: the shared deadline of delivery's exit drain."""

_UVICORN: Final = "uvicorn.server"
_SERVERS: Final = frozenset({_UVICORN, "gunicorn.arbiter"})
"""Modules that only a process that serves has imported."""


class Forked:
    """
    Whether this process was forked since Django was set up, as under ``--preload``.

    Its server sets its own signal handlers after the fork, so that the first request is
    the first occasion to look at them.
    """

    is_new = False

    @classmethod
    def note(cls) -> None:
        """Take note of the fork, in the child."""
        cls.is_new = True


os.register_at_fork(after_in_child=Forked.note)


def look_again() -> None:
    """Do in a forked process what its parent did when Django was set up."""
    Forked.is_new = False
    if _UVICORN not in sys.modules:
        return  # the others end by way of `atexit`
    if threading.current_thread() is threading.main_thread():
        drain_at_sigterm()
    else:  # around a sync middleware; the event loop is in the main thread
        async_to_sync(_drain_at_sigterm)()


async def _drain_at_sigterm() -> None:
    drain_at_sigterm()


def drain_at_sigterm() -> None:
    """Drain before SIGTERM ends such a server; any other process is left alone."""
    if threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGTERM)
    if handler is signal.SIG_DFL:
        # uvicorn, which a worker of gunicorn may be, raises to what it found.
        if sys.argv[1:2] == ["runserver"] or not _SERVERS.isdisjoint(sys.modules):
            DrainFirst(_drain, DRAIN_S).install()
    elif isinstance(_captured(handler), list):
        signal.signal(signal.SIGTERM, _Noted(handler))


def _drain(timeout: float = DRAIN_S) -> bool:
    """Drain all within *timeout* seconds; whether all of it was delivered."""
    until = time.monotonic() + timeout
    done = []
    for analytics in defaults.opened():
        with analytics.throttle.guard("drain"):
            done.append(analytics.drain(max(0.0, until - time.monotonic())))
    return all(done)


# -- uvicorn ------------------------------------------------------------------------


def _captured(handler: Any) -> Any:
    """
    The signals that uvicorn will raise again, if *handler* is its own.

    `Server._captured_signals` (uvicorn 0.29 to 0.54); before, it raised none, and the
    process ended by way of `atexit`.
    """
    return getattr(getattr(handler, "__self__", None), "_captured_signals", None)


class _Noted:
    """uvicorn's own handler, and a drain where it raises the signal again."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._handler(number, frame)
        captured = _captured(self._handler)
        if captured and captured[-1] == number:
            captured[-1] = _Draining(number)


class _Draining:
    """A signal's number that drains when it is raised."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __index__(self) -> int:
        _drain()
        return self._number
