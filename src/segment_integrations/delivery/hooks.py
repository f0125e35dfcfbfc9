"""Runs the user's hooks on the worker, one after another, none of which can hurt it."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segment_integrations.errors import (
    BatchRejected,
    DeliveryError,
    QueueFull,
    RetriesExhausted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from segment_integrations.core.counters import Throttle

HOOKS_MAX: Final = 10_000
"""
Calls that may wait while a request is in flight.

Source: ours. About 2 MB; more are only made by a flood of drops, which `stats()`
counts exactly.
"""

OVERFLOW_KEPT: Final = 100
"""
Messages that one `QueueFull` carries at most, the newest.

Source: ours. They are outside of the queue's budget: 3.2 MB at the very most.
"""

ERROR_BODY_BYTES: Final = 1_000
"""What `BatchRejected.body` keeps of an answer. Source: ours; Segment's are short."""


class Hooks:
    """
    The user's hooks, and what waits for them.

    Args:
        throttle: Guards each call and logs its failure.
        wake: Tells the worker that something waits. Reentrant, never blocks.
        on_error: Gets each `DeliveryError`.
        on_delivered: Gets the messages of each delivered batch, decoded.
    """

    def __init__(
        self,
        throttle: Throttle,
        wake: Callable[[], object],
        on_error: Callable[[DeliveryError], object] | None,
        on_delivered: Callable[[list[dict[str, Any]]], object] | None,
    ) -> None:
        self._throttle = throttle
        self._wake = wake
        self._on_error = on_error
        self._on_delivered = on_delivered
        self._calls: deque[Callable[[], object]] = deque()
        self._overflow: deque[bytes] = deque(maxlen=OVERFLOW_KEPT)

    def __len__(self) -> int:
        return len(self._calls) + len(self._overflow)

    def post(self, call: Callable[[], object]) -> bool:
        """Have *call* run on the worker, or not: False. From any thread, reentrant."""
        if len(self._calls) >= HOOKS_MAX:
            self._throttle.log(
                "hooks",
                logging.WARNING,
                "a hook is not called: %d such calls wait already",
                HOOKS_MAX,
            )
            return False
        self._calls.append(call)
        self._wake()
        return True

    def full(self, body: bytes) -> None:
        """Report a message that the byte budget cost. From any thread."""
        if self._on_error is not None:
            self._overflow.append(body)
            self._wake()

    def run(self) -> None:
        """Run what waits now; what is posted meanwhile waits for the next time."""
        if self._overflow:
            bodies = [self._overflow.popleft() for _ in range(len(self._overflow))]
            self._error(QueueFull("the queue's byte budget is used up", decode(bodies)))
        for _ in range(len(self._calls)):
            try:
                call = self._calls.popleft()
            except IndexError:  # the process ends, and another thread runs them too
                break
            with self._throttle.guard("a hook"):
                call()

    def delivered(self, bodies: Iterable[bytes]) -> None:
        """Hand over what the endpoint took."""
        if self._on_delivered is not None:
            with self._throttle.guard("on_delivered"):
                self._on_delivered(decode(bodies))

    def rejected(self, bodies: Iterable[bytes], status: int, answer: str) -> None:
        """Report messages that the endpoint will never take."""
        if self._on_error is not None:
            self._error(
                BatchRejected(
                    f"the endpoint answered {status}",
                    decode(bodies),
                    status=status,
                    body=answer,
                )
            )

    def expired(
        self, bodies: Iterable[bytes], attempts: int, cause: Exception | None
    ) -> None:
        """Report messages given up by age, after *attempts* of their batch."""
        if self._on_error is not None:
            error = RetriesExhausted(
                "given up: older than max_age", decode(bodies), attempts=attempts
            )
            error.__cause__ = cause
            self._error(error)

    def _error(self, error: DeliveryError) -> None:
        if self._on_error is not None:
            with self._throttle.guard("on_error"):
                self._on_error(error)


def shown(answer: bytes) -> str:
    """The beginning of an answer's body, for people."""
    return answer[:ERROR_BODY_BYTES].decode(errors="replace")


def decode(bodies: Iterable[bytes]) -> list[dict[str, Any]]:
    """The messages as dicts, for hooks only."""
    return [msgspec.json.decode(body) for body in bodies]
