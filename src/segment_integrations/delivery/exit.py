"""
Drains what is left when the process ends.

An ordinary process ends through `atexit`. A child of `multiprocessing` ends through
the finalizers of `multiprocessing.util`, and of those only through what was armed in
the child itself. All hooks of one process share one deadline.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from segment_integrations.delivery.running import Running

EXIT_DRAIN_S: Final = 5.0
"""
From the first exit hook on, for all clients together.

Source: delivery case 13. Supervisors wait longer: Docker 10 s, Kubernetes 30 s.
"""

FINALIZER_PRIORITY: Final = 10
"""0 or more runs before `multiprocessing` joins this process's own children."""

_watched: weakref.WeakSet[Running] = weakref.WeakSet()
_deadlines: dict[int, float] = {}
_finalizers: dict[int, Any] = {}


def watch(running: Running) -> None:
    """Drain *running* when this process ends."""
    _watched.add(running)


def arm() -> None:
    """
    See to it that a child of `multiprocessing` drains as well.

    Called for the first message of each batch: such a child clears the finalizers
    when it starts, so what was armed while its modules were imported is gone.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is None:
        return
    pid = os.getpid()
    armed = _finalizers.get(pid)
    if armed is None or not armed.still_active():
        _finalizers.clear()
        _finalizers[pid] = util.Finalize(None, drain, exitpriority=FINALIZER_PRIORITY)


def drain() -> None:
    """
    Send what is left, all clients at once, until the shared deadline.

    What a drain has tried before, and nothing was put since, is not waited for
    again. The rest stays in the spool for the next process; without one it is dropped,
    counted as ``"exit"`` and logged once.
    """
    pid = os.getpid()
    deadline = _deadlines.setdefault(pid, time.monotonic() + EXIT_DRAIN_S)
    mine = [running for running in tuple(_watched) if running.pid == pid]
    left = max(0.0, deadline - time.monotonic())
    waiting = [
        (running, running.begin(left, stopping=True))
        for running in mine
        if running.needs_drain
    ]
    for running, waiter in waiting:
        running.finish(waiter)
    for running in mine:
        lost, _ = running.give_up("exit", "the process ended before they could be sent")
        if lost:
            running.worker.hooks.run()  # the worker may never get to it any more


def drain_at_exit() -> None:
    """
    Drain, and refuse what is put later: by a hook that runs after this one.

    It would wait for nobody. On disk it waits for the next process.
    """
    drain()
    for running in tuple(_watched):
        if running.pid == os.getpid() and not running.worker.writes_at_once:
            running.queue.closed = True


atexit.register(drain_at_exit)
