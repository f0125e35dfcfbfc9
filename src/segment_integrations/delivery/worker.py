"""
The one place from which messages are sent: take, post, obey `retry.decide`.

A `Worker` belongs to one process and is thrown away after a fork. `step` is one turn
of its loop and takes no thread; `running` decides on which thread the turns are made.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from segment_integrations.core.ports import Answer, Batch
from segment_integrations.delivery import retry
from segment_integrations.delivery.backlog import OUTAGE_S, Backlog
from segment_integrations.delivery.batch import count_limit
from segment_integrations.delivery.hooks import Hooks
from segment_integrations.delivery.ledger import Ledger
from segment_integrations.delivery.losses import Losses
from segment_integrations.delivery.queue import ByteQueue
from segment_integrations.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.ports import Transport
    from segment_integrations.delivery.options import Options
    from segment_integrations.delivery.work import Work

ATTEMPT_MIN_S: Final = 0.05
"""The least that a shortened attempt gets. Source: ours, one slow round trip."""

TURN_WAIT_S: Final = 1.0
"""How long the end of a process waits for a disk that hangs. Source: ours."""

FOREVER: Final = float("inf")


class Worker:
    """
    Everything of delivery that one process owns.

    Args:
        transport: Posts a batch.
        options: What the user set.
        drops: Counts what is lost after it was accepted.
        throttle: Where log lines go.
        wake: Makes the loop look again. Reentrant, never blocks.
    """

    def __init__(
        self,
        transport: Transport,
        options: Options,
        *,
        drops: Drops,
        throttle: Throttle,
        wake: Callable[[], bool | None],
    ) -> None:
        self._transport = transport
        self._options = options
        self._throttle = throttle
        self.hooks = Hooks(throttle, wake, options.on_error, options.on_delivered)
        self.ledger = Ledger()
        self.losses = Losses(options, drops, self.ledger, self.hooks, throttle)
        self.spool = self.losses.open_spool()
        self.queue = ByteQueue(
            options.queue_bytes,
            options.overflow,
            max_count=count_limit(options.flush_at),
            clock=options.clock,
            wake=wake,
            journal=self.spool if options.spool == "always" else None,
        )
        self.backlog = Backlog(self.queue, self.spool, options, self.losses.on_disk)
        self.hurried = False
        """Whether to send what there is without lingering, for nobody adds more."""
        self.delivered = 0
        self.retried = 0
        self.last_error: str | None = None
        self.hold: str | None = None
        """Why the circuit is open; None while it is closed."""
        # Between the one that sends and the one that gives up. No caller of `put`
        # takes it, and it is not held while a request is in flight.
        self._turn = threading.RLock()
        self.is_at_work = False
        """Whether a turn is under way, hooks included."""
        self._generation = 0
        self._failures = 0
        self._failing_since = FOREVER
        self._next_at = -FOREVER
        self._fault: TransportError | None = None

    @property
    def circuit(self) -> Literal["closed", "open"]:
        """As `Stats` names it."""
        return "closed" if self.hold is None else "open"

    @property
    def may_have_work(self) -> bool:
        """Whether a flush has something to wait for, also if nothing was ever put."""
        has_spool = self.spool is not None
        return has_spool or bool(self.losses.waiting) or self.is_at_work

    @property
    def writes_at_once(self) -> bool:
        """Whether each message is on disk before its call returns."""
        return self._options.spool == "always" and self.spool is not None

    def step(self) -> float:
        """
        Make one turn: run hooks, tend the disk, send at most one batch.

        Returns:
            Seconds until the next turn has something to do: 0 for at once, infinity
            for not until something is put.
        """
        self.is_at_work = True
        try:
            return self._step()
        finally:
            self.is_at_work = False

    def _step(self) -> float:
        self.hooks.run()
        self.losses.bury()
        now = self._options.clock()
        expired: list[Work] = []
        with self._turn:
            is_outage = now - self._failing_since > OUTAGE_S
            tend_in = self.backlog.tend(now, is_outage=is_outage)
            wait = self._due_in(expired)
        for work in expired:
            self.losses.expired(work, self._fault)
        if wait == 0:
            self._send()
        self.hooks.run()
        self._resolve()
        return min(wait, tend_in)

    def abandon(self) -> tuple[int, int]:
        """
        Stop sending what is pending, in flight included; from any thread.

        Returns:
            How many messages are lost, to be counted as dropped by the caller, and
            how many the spool keeps for the next process.
        """
        self.losses.bury(TURN_WAIT_S)
        if not self._turn.acquire(timeout=TURN_WAIT_S):
            return 0, self.backlog.pending  # the disk hangs, and so would we
        try:
            self._generation += 1
            kept, gone = self.backlog.keep()
            for work in gone:
                self.backlog.settle(work)
                self.losses.note(work)
        finally:
            self._turn.release()
        return sum(work.count for work in gone), kept

    def _due_in(self, expired: list[Work]) -> float:
        """
        Seconds until the first batch may be sent; it is at the front then.

        Those before it that are too old are put into *expired*.
        """
        options, backlog = self._options, self.backlog
        while True:
            now = options.clock()
            if not backlog.front and not self.queue.has_sealed:
                linger = self._linger(now)
                if linger > 0 and not backlog.is_adopting:
                    return linger
                if linger <= 0:
                    self.queue.seal()
            work = backlog.advance()
            if work is None:
                return self._linger(now)
            expires_in = work.sealed_at + options.max_age - now
            if expires_in > 0:
                return max(0.0, min(self._next_at - now, expires_in))
            backlog.front.popleft()
            backlog.settle(work)
            expired.append(work)

    def _linger(self, now: float) -> float:
        """Seconds that the open batch waits for more, infinity where it is empty."""
        oldest = self.queue.oldest_at()
        if oldest is None:
            return FOREVER
        if self.ledger.is_awaited or self.hurried:
            return 0.0
        return max(0.0, oldest + self._options.flush_interval - now)

    def _send(self) -> None:
        options = self._options
        with self._turn:
            if not self.backlog.front:  # given up since it was due
                return
            work, generation = self.backlog.front[0], self._generation
        left = self.ledger.stop_deadline() - options.clock()
        batch = Batch(
            tuple(work.bodies or ()),
            work.attempts,
            max(ATTEMPT_MIN_S, min(options.timeout, left)),
        )
        if work.attempts:
            self.retried += work.count
        outcome = self._attempt(batch)
        decision = retry.decide(
            outcome,
            self._failures,
            now_date=datetime.now(UTC),
            rand=options.rand,
        )
        with self._turn:
            if generation == self._generation:  # else given up meanwhile, and counted
                self._obey(decision, work)
            else:
                return
        self._tell(decision, work, outcome, batch)

    def _obey(self, decision: retry.Decision, work: Work) -> None:
        """Move *work* to where *decision* wants it, under the lock."""
        match decision:
            case retry.RetryAfter(seconds):
                self._wait(work, seconds)
            case retry.Hold():
                if self.hold is None:
                    self._failures = 0  # from here on it counts probes
                self._wait(work, retry.probe_delay(self._failures))
            case retry.Split() if work.count > 1:
                self._answered()
                self.backlog.split()
            case _:  # delivered, or never to be: either way it is settled
                self._answered()
                if isinstance(decision, retry.Delivered):
                    self.delivered += work.count
                self.backlog.front.popleft()
                self.backlog.settle(work)

    def _tell(
        self,
        decision: retry.Decision,
        work: Work,
        outcome: Answer | TransportError,
        batch: Batch,
    ) -> None:
        """Log, count and report what *decision* meant for *work*; without the lock."""
        match decision:
            case retry.Delivered():
                self.hooks.delivered(batch.bodies)
            case retry.RetryAfter(seconds):
                self._throttle.log(
                    "retry",
                    logging.WARNING,
                    "an attempt failed (%s); its %d message(s) are tried again in"
                    " %.1f s",
                    self.last_error,
                    work.count,
                    seconds,
                )
            case retry.Hold(reason):
                if self.hold is None:
                    self._throttle.log(
                        f"hold:{reason}",
                        logging.ERROR,
                        "the endpoint refuses us (%s); events are kept and it is asked"
                        " again from time to time",
                        reason,
                    )
                self.hold = reason
            case _ if isinstance(outcome, Answer) and (
                work.count == 1 or isinstance(decision, retry.Drop)
            ):
                self.losses.rejected(work, outcome)

    def _attempt(self, batch: Batch) -> Answer | TransportError:
        """Post *batch*; whatever a transport raises means that no answer came."""
        try:
            answer: object = self._transport.send(batch)
        except TransportError as error:
            cause = type(error.__cause__ or error).__name__
            self.last_error, self._fault = cause, error
            return error
        except Exception as error:  # noqa: BLE001 - a user's own transport
            self.last_error = type(error).__name__
            self._fault = TransportError(f"the transport raised {self.last_error}")
            self._fault.__cause__ = error
            return self._fault
        if not isinstance(answer, Answer):
            self.last_error = "the transport gave no Answer"
            self._fault = TransportError(self.last_error)
            return self._fault
        if not retry.is_success(answer.status):
            self.last_error, self._fault = str(answer.status), None
        return answer

    def _answered(self) -> None:
        """The endpoint deals with us: no wait, no outage, no open circuit."""
        self._failures = 0
        self._failing_since = FOREVER
        self._next_at = -FOREVER
        self.hold = None

    def _wait(self, work: Work, seconds: float) -> None:
        now = self._options.clock()
        self._failures += 1
        self._failing_since = min(self._failing_since, now)
        work.attempts += 1
        self._next_at = now + seconds

    def _resolve(self) -> None:
        """Tell the waiters how far everything is settled."""
        with self._turn:
            settled = self.backlog.settled_up_to()
            if self.backlog.is_adopting:  # a flush waits for that as well
                settled = -1
        self.ledger.resolve(settled, self._next_at)
