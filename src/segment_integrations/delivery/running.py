"""
Decides on which thread a `Worker` makes its turns, and waits for it.

Usually that is one daemon thread, started by the first message. Where no thread can
be started any more, at the interpreter's end, it is the thread that drains.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Final

from segment_integrations.delivery import exit as process_exit
from segment_integrations.delivery.worker import FOREVER, Worker

if TYPE_CHECKING:
    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.ports import Transport
    from segment_integrations.delivery.ledger import Waiter
    from segment_integrations.delivery.options import Options

THREAD_NAME: Final = "segment-integrations"

SLEEP_MAX_S: Final = 60.0
"""A wait is looked at again after this, should a wake have been lost. Source: ours."""

FAULT_PAUSE_S: Final = 1.0
"""After a fault of our own in a turn, so that it cannot spin. Source: ours."""


class Running:
    """
    A worker of this process with its thread.

    Args:
        transport: Posts a batch.
        options: What the user set.
        drops: Counts what is lost.
        throttle: Where log lines go.
    """

    def __init__(
        self,
        transport: Transport,
        options: Options,
        *,
        drops: Drops,
        throttle: Throttle,
    ) -> None:
        self.pid = os.getpid()
        self._options = options
        self._throttle = throttle
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.worker = Worker(
            transport, options, drops=drops, throttle=throttle, wake=self.wake
        )
        self.queue = self.worker.queue
        # Whoever takes the one element out makes the turns; `pop` is atomic.
        self._free: list[None] = [None]
        self._runner: int | None = None
        self._retired = False
        self._drained = 0
        self._drops = drops
        process_exit.watch(self)

    def wake(self) -> bool:
        """Have somebody make the turns, as `start`. Reentrant, never waits for one."""
        self._tokens.put(None)
        has_started = self.start()
        process_exit.arm()
        return has_started

    def start(self) -> bool:
        """
        See to it that somebody makes the turns.

        Returns:
            False when no thread can be started any more.
        """
        if not self._free:
            return True
        if type(self._tokens) is not queue.SimpleQueue:
            # gevent has replaced it since: a wait would stop all greenlets.
            self._tokens = queue.SimpleQueue()
        try:
            threading.Thread(target=self._run, name=THREAD_NAME, daemon=True).start()
        except RuntimeError:  # the interpreter ends, or the system has no more
            return False
        return True

    def retire(self) -> None:
        """End the thread once nothing is left to do: nobody will put any more."""
        self._retired = True
        self.worker.hurried = True
        self._tokens.put(None)

    def begin(self, timeout: float, *, stopping: bool) -> Waiter:
        """Have everything put so far sent without lingering; `finish` waits for it."""
        queue = self.queue
        queue.lend()
        waiter = self.worker.ledger.add(
            queue.accepted,
            queue.refused_count,
            self._options.clock() + timeout,
            stopping=stopping,
        )
        self._tokens.put(None)
        return waiter

    def finish(self, waiter: Waiter) -> bool:
        """
        Wait until *waiter* is told or its deadline has come.

        On the worker's own thread, within a hook, it does not wait.

        Returns:
            Whether everything that it waits for was delivered.
        """
        try:
            if waiter.target == 0 and not self.worker.may_have_work:
                self.worker.ledger.report(waiter)
                return not waiter.has_lost
            if self._runner == threading.get_ident():
                return False
            if not self.start():
                self._run_here(waiter)
            left = max(0.0, waiter.deadline - self._options.clock())
            ends_at = time.monotonic() + left
            while True:  # in pieces: how long one wait may take is the platform's
                try:
                    return waiter.done.get(timeout=min(left, SLEEP_MAX_S))
                except queue.Empty:
                    left = ends_at - time.monotonic()
                    if left <= 0:
                        return False
        finally:
            self.queue.take_back()
            self.worker.ledger.discard(waiter)
            if waiter.stopping:
                self._drained = waiter.target

    def give_up(self, reason: str, detail: str) -> tuple[int, int]:
        """
        Stop sending what is pending: the spool keeps it, else it is dropped.

        Returns:
            How many messages are lost, counted as *reason*, and how many are kept.
        """
        lost, kept = self.worker.abandon()
        if lost:
            self._drops.add(reason, lost, detail, logging.ERROR)
        self._tokens.put(None)
        return lost, kept

    @property
    def needs_drain(self) -> bool:
        """Whether something is left to do that no drain has waited for yet."""
        worker = self.worker
        if worker.backlog.pending:
            return worker.queue.accepted > self._drained
        return bool(worker.losses.waiting) or worker.is_at_work

    def _run(self) -> None:
        try:
            self._free.pop()  # here, not in `start`, which may be interrupted for good
        except IndexError:  # another thread was faster
            return
        self._runner = threading.get_ident()
        try:
            self._loop()
        finally:
            self._runner = None
            self._free.append(None)
        if self.worker.hooks:  # posted since the last look: a thread of its own
            self.start()

    def _loop(self) -> None:
        worker = self.worker
        while True:
            try:
                wait = self._turn()
            except BaseException as error:  # noqa: BLE001 - of a hook or a transport
                self._throttle.log(
                    "turn",
                    logging.ERROR,
                    "a hook or a transport raised %s, which ends no delivery",
                    type(error).__name__,
                )
                wait = FAULT_PAUSE_S
            if self._retired and not (
                worker.backlog.pending or worker.hooks or worker.losses.waiting
            ):
                break
            self._sleep(wait)

    def _run_here(self, waiter: Waiter) -> None:
        """Make the turns on this thread until *waiter* is told or its time is up."""
        try:
            self._free.pop()
        except IndexError:  # another drain makes them, and tells this one as well
            return
        waiter.stopping = True  # an attempt that lasts longer would hold us up
        self._runner = threading.get_ident()
        try:
            while waiter.done.empty():
                left = waiter.deadline - self._options.clock()
                if left <= 0:
                    break
                wait = self._turn()
                if waiter.done.empty():
                    self._sleep(min(wait, left))
        finally:
            self._runner = None
            self._free.append(None)

    def _turn(self) -> float:
        with self._throttle.guard("delivery"):
            return self.worker.step()
        return FAULT_PAUSE_S

    def _sleep(self, seconds: float) -> None:
        """Wait for a token; all that came are one reason to look."""
        if seconds <= 0:
            return
        with contextlib.suppress(queue.Empty):
            limit = None if seconds == FOREVER else min(seconds, SLEEP_MAX_S)
            self._tokens.get(timeout=limit)
            while True:
                self._tokens.get_nowait()
