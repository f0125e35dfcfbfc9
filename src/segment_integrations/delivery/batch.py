"""Packs encoded messages into requests; knows sizes and counts, never contents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from segment_integrations.core.message import BATCH_MAX_EVENTS, BATCH_TARGET_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def fits(count: int, size: int, max_count: int) -> bool:
    """
    Whether *count* messages of *size* bytes together make one request.

    Args:
        count: Messages.
        size: Bytes of their bodies, without the commas.
        max_count: What `count_limit` gave.
    """
    return count <= max_count and size + count <= BODIES_MAX_BYTES


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
