"""Packs encoded messages into requests; knows sizes and counts, never contents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from segment_integrations.core.message import BATCH_MAX_EVENTS, BATCH_TARGET_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

ENVELOPE_MAX_BYTES: Final = 512
"""
Room kept for what surrounds the messages.

Source: ours. Brackets, names and `sentAt` take 66 bytes, a write key 32.
"""

BODIES_MAX_BYTES: Final = BATCH_TARGET_BYTES - ENVELOPE_MAX_BYTES
"""What the bodies of one batch and the commas between them may take."""


def count_limit(flush_at: int) -> int:
    """Messages in one batch: what the user set, within what Segment takes."""
    return max(1, min(flush_at, BATCH_MAX_EVENTS))


def fits(total_bytes: int, body: bytes) -> int | None:
    """
    Add one more *body* to a batch.

    Args:
        total_bytes: What `fits` gave for the body before, or 0 for the first.
        body: The message as UTF-8 JSON.

    Returns:
        The batch's size with it, commas included, or None when the body must go
        into the next batch. The first always fits: a batch is never empty.
    """
    grown = total_bytes + len(body) + 1
    if total_bytes and grown > BODIES_MAX_BYTES:
        return None
    return grown


def envelope(bodies: Iterable[bytes], write_key: str, sent_at: datetime) -> bytes:
    """
    Join *bodies* into one request body, without encoding any of them again.

    Args:
        bodies: Each one message as UTF-8 JSON.
        write_key: The source's credential.
        sent_at: When this attempt is made, with a zone.

    Returns:
        ``{"batch":[message, ...],"sentAt":"...Z","writeKey":"..."}``.
    """
    stamp = sent_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return b'{"batch":[%b],"sentAt":"%b","writeKey":%b}' % (
        b",".join(bodies),
        stamp.replace("+00:00", "Z").encode(),
        msgspec.json.encode(write_key),
    )


def split(messages: tuple[T, ...]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Halve *messages*, in order; there are at least two."""
    middle = (len(messages) + 1) // 2
    return messages[:middle], messages[middle:]
