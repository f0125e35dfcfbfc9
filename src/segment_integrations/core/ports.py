"""The Protocols at which the core meets what is outside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import msgspec

from segment_integrations.core.message import Message

Processor = Callable[[Message], Message | None]
"""Changes a message, or drops it by returning None. Runs on the caller's thread."""


@runtime_checkable
class Sink(Protocol):
    """Takes finished messages. May also have `flush(timeout)` and `close(timeout)`."""

    def put(self, body: bytes, message: Message) -> bool | None:
        """
        Take one message without blocking and without raising.

        Args:
            body: The message as UTF-8 JSON, frozen at the call.
            message: The same as a dict; not to be changed.

        Returns:
            False when the message was refused; anything else means accepted.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Encoded messages that travel together; the composition is fixed until a split.

    Args:
        bodies: Each one message as UTF-8 JSON, in the order of the calls.
        attempt: 0 for the first sending, one more for each retry.
        timeout: Seconds that this attempt may take in all.
    """

    bodies: tuple[bytes, ...]
    attempt: int = 0
    timeout: float = 10.0

    def messages(self) -> list[Message]:
        """Decode the messages, for hooks and fakes; delivery never needs it."""
        return [msgspec.json.decode(body) for body in self.bodies]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the endpoint said.

    Args:
        status: The HTTP status.
        headers: Header names in lower case.
        body: The first bytes of the body, for the error text.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Transport(Protocol):
    """Posts one batch. Used by one thread at a time. May also have `close()`."""

    def send(self, batch: Batch) -> Answer:
        """
        Post *batch* and return the answer, whatever its status.

        `sentAt` belongs to the attempt, so it is stamped here.

        Raises:
            TransportError: No answer came.
        """
        ...


class Deferral(Protocol):
    """Holds accepted messages back until a database transaction has committed."""

    def defer(self, put: Callable[[], None], rolled_back: Callable[[], None]) -> bool:
        """
        Call *put* after the commit, or *rolled_back* after a rollback.

        Returns:
            False when no transaction is open: nothing was kept, send it now.
        """
        ...
