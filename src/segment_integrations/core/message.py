"""The wire shapes of Segment's messages, and the limits that Segment sets on them."""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict

Call = Literal["track", "identify", "page", "screen", "group", "alias"]

EVENT_MAX_BYTES: Final = 32_768
"""Source: Segment, HTTP Tracking API, "Max request size": 32 KB an event."""

BATCH_MAX_BYTES: Final = 500_000
"""Source: Segment, HTTP Tracking API, "Batch": 500 KB a request, envelope included."""

BATCH_TARGET_BYTES: Final = 480_000
"""A margin below the limit. Source: analytics-node, ``context-batch.ts``."""

BATCH_MAX_EVENTS: Final = 2_500
"""Source: Segment, HTTP Tracking API, "Batch"; over it: a 200, and the loss."""

MESSAGE_ID_MAX_CHARS: Final = 99
"""Source: Segment, HTTP Tracking API: an id is shorter than 100 characters."""


class Message(TypedDict, total=False):
    """
    One finished message, in the spelling of the wire.

    `type`, `messageId`, `timestamp` and `context` are always there; which of the
    others are depends on the call (Segment spec, "Common fields").
    """

    type: Call
    messageId: str
    timestamp: str
    userId: str
    anonymousId: str
    groupId: str
    previousId: str
    event: str
    name: str
    category: str
    properties: dict[str, Any]
    traits: dict[str, Any]
    context: dict[str, Any]
    integrations: dict[str, Any]
