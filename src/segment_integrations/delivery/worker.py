"""
The one place from which messages are sent: take, pack, post, obey `retry.decide`.

A `Worker` belongs to one process and is thrown away after a fork. `step` is one turn
of its loop and takes no thread; `running` decides on which thread the turns are made.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from segment_integrations.core.ports import Answer, Batch
from segment_integrations.delivery import retry
from segment_integrations.delivery.batch import count_limit, split
from segment_integrations.delivery.hooks import Hooks
from segment_integrations.delivery.ledger import Ledger
from segment_integrations.delivery.queue import ByteQueue
from segment_integrations.delivery.work import Work, bodies, size
from segment_integrations.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from segment_integrations.core.counters import Drops, Throttle
    from segment_integrations.core.ports import Transport
    from segment_integrations.delivery.options import Options
    from segment_integrations.delivery.queue import Entry

ATTEMPT_MIN_S: Final = 0.05
"""The least that a shortened attempt gets. Source: ours, one slow round trip."""

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
        wake: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._options = options
        self._drops = drops
        self._throttle = throttle
        self._max_count = count_limit(options.flush_at)
        self.queue = ByteQueue(
            options.queue_bytes,
            options.overflow,
            full_at=self._max_count,
            clock=options.clock,
            wake=wake,
        )
        self.hooks = Hooks(throttle, wake, options.on_error, options.on_delivered)
        self.ledger = Ledger()
        self.hurried = False
        """Whether to send what there is without lingering, for nobody adds more."""
        self.delivered = 0
        self.retried = 0
        self.last_error: str | None = None
        self.hold: str | None = None
        """Why the circuit is open; None while it is closed."""
        self._front: deque[Work] = deque()
        # Between the one that sends and the one that gives up; never during I/O.
        self._turn = threading.RLock()
        self._generation = 0
        self._failures = 0
        self._next_at = float("-inf")
        self._fault: TransportError | None = None

    @property
    def circuit(self) -> Literal["closed", "open"]:
        """As `Stats` names it."""
        return "closed" if self.hold is None else "open"

    def pending(self) -> int:
        """Messages queued, in flight or waiting for a retry. Takes no lock."""
        return len(self.queue) + sum(len(work.entries) for work in tuple(self._front))

    def oldest_at(self) -> float | None:
        """When the oldest of them was accepted. Takes no lock."""
        for work in tuple(self._front):
            return work.entries[0].accepted_at
        oldest = self.queue.oldest()
        return None if oldest is None else oldest.accepted_at

    def step(self) -> float:
        """
        Make one turn: run hooks, drop what is too old, send at most one batch.

        Returns:
            Seconds until the next turn has something to do: 0 for at once, infinity
            for not until something is put.
        """
        self.hooks.run()
        self._expire()
        wait = self._due_in()
        if wait == 0:
            self._send()
            self.hooks.run()
        self._resolve()
        return wait

    def abandon(self) -> int:
        """
        Give up all that is pending, in flight included; from any thread.

        Returns:
            How many messages: to be counted as dropped by the caller.
        """
        with self._turn:
            self._generation += 1
            entries = [entry for work in self._front for entry in work.entries]
            self._front.clear()
            while taken := self.queue.take(self._max_count):
                entries += taken
            self.queue.release(size(entries))
        self.ledger.lose(entry.number for entry in entries)
        return len(entries)

    def _due_in(self) -> float:
        """Seconds until the first batch may be sent; taken when that is now."""
        options = self._options
        now = options.clock()
        with self._turn:
            if not self._front:
                oldest = self.queue.oldest()
                if oldest is None:
                    return FOREVER
                linger = oldest.accepted_at + options.flush_interval - now
                at_once = self.queue.is_full or self.ledger.is_awaited or self.hurried
                if linger > 0 and not at_once:
                    return linger
                self._front.append(Work(tuple(self.queue.take(self._max_count))))
            expires = self._front[0].entries[0].accepted_at + options.max_age
            return max(0.0, min(self._next_at, expires) - now)

    def _expire(self) -> None:
        """Drop the messages at the front that are older than `max_age`."""
        options = self._options
        limit = options.clock() - options.max_age
        while True:
            with self._turn:
                if not self._front:
                    oldest = self.queue.oldest()
                    if oldest is None or oldest.accepted_at > limit:
                        return
                    self._front.append(Work(tuple(self.queue.take(self._max_count))))
                work = self._front[0]
                old = [entry for entry in work.entries if entry.accepted_at <= limit]
                if not old:
                    return
                self._front.popleft()
                if fresh := tuple(e for e in work.entries if e.accepted_at > limit):
                    self._front.appendleft(replace(work, entries=fresh))
                self.queue.release(size(old))
            self._lose(old, "expired", f"older than {options.max_age:g} s")
            self.hooks.expired(bodies(old), work.attempts, self._fault)

    def _send(self) -> None:
        options = self._options
        with self._turn:
            if not self._front:  # given up since it was due
                return
            work, generation = self._front[0], self._generation
        left = self.ledger.stop_deadline() - options.clock()
        batch = Batch(
            tuple(bodies(work.entries)),
            work.attempts,
            max(ATTEMPT_MIN_S, min(options.timeout, left)),
        )
        if work.attempts:
            self.retried += len(work.entries)
        outcome = self._attempt(batch)
        decision = retry.decide(
            outcome,
            self._failures,
            now_date=datetime.now(UTC),
            rand=options.rand,
        )
        with self._turn:
            if generation != self._generation:
                return  # given up meanwhile, and counted as such
            match decision:
                case retry.RetryAfter(seconds):
                    self._wait(work, seconds)
                case retry.Hold():
                    if self.hold is None:
                        self._failures = 0  # from here on it counts probes
                    self._wait(work, retry.probe_delay(self._failures))
                case retry.Split() if len(work.entries) > 1:
                    self._answered()
                    self._front.popleft()
                    halves = split(work.entries)
                    self._front.extendleft(Work(half) for half in reversed(halves))
                case _:  # delivered, or never to be: either way it is settled
                    self._answered()
                    if isinstance(decision, retry.Delivered):
                        self.delivered += len(work.entries)
                    self._front.popleft()
                    self.queue.release(work.size)
        self._tell(decision, work, outcome)

    def _tell(
        self, decision: retry.Decision, work: Work, outcome: Answer | TransportError
    ) -> None:
        """Log, count and report what *decision* meant for *work*; without the lock."""
        match decision:
            case retry.Delivered():
                self.hooks.delivered(bodies(work.entries))
            case retry.RetryAfter(seconds):
                self._throttle.log(
                    "retry",
                    logging.WARNING,
                    "an attempt failed (%s); its %d message(s) are tried again in"
                    " %.1f s",
                    self.last_error,
                    len(work.entries),
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
                len(work.entries) == 1 or isinstance(decision, retry.Drop)
            ):
                detail = f"the answer was {outcome.status}"
                self._lose(work.entries, "rejected", detail)
                self.hooks.rejected(bodies(work.entries), outcome.status, outcome.body)

    def _attempt(self, batch: Batch) -> Answer | TransportError:
        """Post *batch*; whatever a transport raises means that no answer came."""
        try:
            answer = self._transport.send(batch)
        except TransportError as error:
            cause = type(error.__cause__ or error).__name__
            self.last_error, self._fault = cause, error
            return error
        except Exception as error:  # noqa: BLE001 - a user's own transport
            self.last_error = type(error).__name__
            self._fault = TransportError(f"the transport raised {self.last_error}")
            self._fault.__cause__ = error
            return self._fault
        if not retry.is_success(answer.status):
            self.last_error, self._fault = str(answer.status), None
        return answer

    def _answered(self) -> None:
        """The endpoint deals with us: no wait, no open circuit."""
        self._failures = 0
        self._next_at = float("-inf")
        self.hold = None

    def _wait(self, work: Work, seconds: float) -> None:
        self._failures += 1
        self._front[0] = replace(work, attempts=work.attempts + 1)
        self._next_at = self._options.clock() + seconds

    def _lose(self, entries: Iterable[Entry], reason: str, detail: str) -> None:
        numbers = [entry.number for entry in entries]
        self.ledger.lose(numbers)
        self._drops.add(reason, len(numbers), detail, logging.ERROR)

    def _resolve(self) -> None:
        """Tell the waiters how far everything is settled."""
        settled = self.queue.offered  # first: what is put from here on is not in it
        with self._turn:
            first = self._front[0].entries[0] if self._front else self.queue.oldest()
        if first is not None:
            settled = min(settled, first.number - 1)
        self.ledger.resolve(settled, self._next_at)
