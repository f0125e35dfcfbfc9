"""What delivery tells about itself: numbers and states, never data of an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Stats:
    """
    Delivery at one moment, since the start of this process.

    Each message handed to delivery is counted once in `delivered`, `pending_events`
    or `dropped`. The last also has the reasons for which a message never got there,
    ``"no_identity"``.

    Args:
        enqueued: Messages handed to delivery, refused ones included.
        delivered: Messages that the endpoint took.
        retried: Messages sent again, once for each further attempt.
        dropped: Messages that will not be sent, by reason.
        pending_events: Messages queued, in flight or waiting for a retry.
        pending_bytes: Their bodies' bytes.
        oldest_age_s: Seconds since the oldest of them was accepted, or 0.
        last_error: The last failed attempt's status or error type.
        circuit: ``"open"`` while the endpoint refuses us as a whole.
        pages: Decisions about automatic page calls, by reason; ``page`` is a yes.
            `Analytics` fills it in, delivery does not.
    """

    enqueued: int = 0
    delivered: int = 0
    retried: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    pending_events: int = 0
    pending_bytes: int = 0
    oldest_age_s: float = 0.0
    last_error: str | None = None
    circuit: Literal["closed", "open"] = "closed"
    pages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """
    Whether events can get through, as far as is known without asking.

    Args:
        ok: False while the circuit is open, and after `close`.
        reason: Why not, ``"401: check the write key"``.
    """

    ok: bool = True
    reason: str | None = None
