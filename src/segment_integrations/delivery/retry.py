"""What to do about one attempt's outcome: a pure table, without a clock or a loop."""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from segment_integrations.core.ports import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.errors import TransportError

BACKOFF_BASE_S: Final = 0.5
"""The first wait's upper end. Source: analytics-node, ``backoff.ts``."""

BACKOFF_CAP_S: Final = 60.0
"""No wait is longer. Source: analytics-node, ``backoff.ts``."""

RETRY_AFTER_CAP_S: Final = 300.0
"""`Retry-After` is believed up to this. Source: analytics-node, ``publisher.ts``."""

PROBE_BASE_S: Final = 30.0
"""
The first wait while the circuit is open.

Source: ours. A wrong key is mended by people, so asking more often only adds load.
"""

PROBE_CAP_S: Final = 300.0
"""The longest such wait. Source: ours, the same as for `Retry-After`."""

RETRYABLE: Final = frozenset({408, 410, 429, 460})
"""Client errors that pass. Source: analytics-node, ``publisher.ts``."""

FINAL_SERVER_ERRORS: Final = frozenset({501, 505})
"""Server errors that will not pass. Source: analytics-node, ``publisher.ts``."""

HOLDING: Final = {
    401: "check the write key",
    403: "the write key may not write to this source",
    404: "check the host",
}
"""It is us, not this batch: a retry at speed or a drop would both be wrong."""

_OK: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_CLIENT_ERRORS: Final = range(400, 500)
_MAX_DOUBLINGS: Final = 16  # far over the cap, and 2.0 ** attempt cannot overflow


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint took the batch."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try the same batch again, no earlier than in *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Split:
    """Some event of the batch is at fault; one that is alone is dropped."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing will get through until someone mends the setup; keep everything."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The batch will never be taken."""

    reason: str


Decision = Delivered | RetryAfter | Split | Hold | Drop
"""What the worker is to do."""

_FINAL: Final[dict[int, Decision]] = {
    **{status: Hold(f"{status}: {reason}") for status, reason in HOLDING.items()},
    **{status: Drop(f"{status}") for status in FINAL_SERVER_ERRORS},
}


def decide(
    outcome: Answer | TransportError,
    attempt: int,
    *,
    now_date: datetime,
    rand: Callable[[], float],
) -> Decision:
    """
    Say what to do about one *outcome*.

    Args:
        outcome: The answer, or why there was none.
        attempt: Failed attempts before this one; 0 for the first.
        now_date: The time, with a zone; for a `Retry-After` that is a date.
        rand: A number from 0 up to 1, for the jitter.

    Source:
        delivery case 10 ("Outcome table") and case 8 ("Retry-After"). A certificate
        that is not trusted is mended by people, like a wrong key; `HttpTransport`
        gives an `ssl.SSLError` as the cause for nothing else.
    """
    if not isinstance(outcome, Answer):
        if isinstance(outcome.__cause__, ssl.SSLError):
            return Hold(f"TLS: {outcome}")
        return RetryAfter(backoff(attempt, rand))
    final = _FINAL.get(outcome.status) or _by_class(outcome.status)
    if final is not None:
        return final
    asked = retry_after(outcome.headers.get("retry-after"), now_date)
    return RetryAfter(max(backoff(attempt, rand), asked))


def _by_class(status: int) -> Decision | None:
    """What *status* calls for, or None when it will pass."""
    if is_success(status):
        return Delivered()
    if status in _REDIRECTS:
        return Hold(f"{status}: the host redirects; use the address it points to")
    if status in _CLIENT_ERRORS and status not in RETRYABLE:
        return Split()
    return None


def is_success(status: int) -> bool:
    """Any 2xx: a 204 or a 202 has delivered as well."""
    return status in _OK


def backoff(attempt: int, rand: Callable[[], float]) -> float:
    """
    Seconds before the next attempt, with full jitter.

    Source:
        AWS Architecture Blog, "Exponential Backoff and Jitter".
    """
    ceiling = BACKOFF_BASE_S * 2.0 ** min(attempt, _MAX_DOUBLINGS)
    return rand() * min(BACKOFF_CAP_S, ceiling)


def probe_delay(probes: int) -> float:
    """Seconds before an open circuit is probed again, after *probes* in vain."""
    return min(PROBE_CAP_S, PROBE_BASE_S * 2.0 ** min(probes, _MAX_DOUBLINGS))


def retry_after(value: str | None, now_date: datetime) -> float:
    """
    Read a `Retry-After` header: seconds, also fractions, or an HTTP date.

    Returns:
        Seconds from 0 to `RETRY_AFTER_CAP_S`; 0 for none and for nonsense.

    Source:
        RFC 9110, 10.2.3.
    """
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now_date)
    if math.isnan(seconds):
        return 0.0
    return min(RETRY_AFTER_CAP_S, max(0.0, seconds))


def _until(value: str, now_date: datetime) -> float:
    """Seconds from *now_date* to the HTTP date *value*; 0 when it is none."""
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:  # "-0000": a time in UTC of an unknown zone
            date = date.replace(tzinfo=UTC)
        return (date - now_date).total_seconds()
    except (ValueError, OverflowError):
        return 0.0
