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

    Each message handed to delivery is counted once in `delivered`, `pending_events`,
    `dead` or `dropped`. The last also has the reasons for which a message never got
    there, ``"no_identity"``.

    Args:
        enqueued: Messages handed to delivery, refused and adopted ones included.
        adopted: Messages taken over from the spools of processes that have ended.
        delivered: Messages that the endpoint took.
        retried: Messages sent again, once for each further attempt.
        dropped: Messages that will not be sent, by reason.
        dead: Messages set aside as dead letters.
        pending_events: Messages queued, in flight, waiting for a retry or spooled.
        pending_bytes: The bytes of those bodies that are in memory.
        spooled_bytes: The bytes of this process's files in the spool.
        oldest_age_s: Seconds since the oldest of them was accepted, or 0.
        last_error: The last failed attempt's status or error type.
        spool_error: What the disk refused last, as the system says it.
        circuit: ``"open"`` while the endpoint refuses us as a whole.
        pages: Decisions about automatic page calls, by reason; ``page`` is a yes.
            `Analytics` fills it in, delivery does not.
        unchanged: Identify calls that were not sent because an accepted one had said
            the same. The same holds of it.
        violations: What broke the tracking plan so far, ``"Order Completed: Required"``
            to a number; of calls without an event's name it is the call's. The same
            holds of it. At most 1,000 keys; what has none is under ``(others)``.
    """

    enqueued: int = 0
    adopted: int = 0
    delivered: int = 0
    retried: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    dead: int = 0
    pending_events: int = 0
    pending_bytes: int = 0
    spooled_bytes: int = 0
    oldest_age_s: float = 0.0
    last_error: str | None = None
    spool_error: str | None = None
    circuit: Literal["closed", "open"] = "closed"
    pages: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0
    violations: Mapping[str, int] = field(default_factory=dict)


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
