"""
Every exception that this package raises on purpose.

    SegmentError
    |- ConfigurationError        a setting is missing or wrong; start-up only
    |  '- PlanError              a tracking plan can't be used as it is
    |- InvalidEvent              a call breaks the Segment spec (strict mode only)
    |  '- EventTooLarge          one event is over the 32 KiB that Segment takes
    |- PlanViolation             a call breaks the tracking plan (strict mode only)
    '- DeliveryError             reaches `on_error`, never a request
       |- TransportError         no answer
       |- BatchRejected          a final status
       |- RetriesExhausted       given up by age
       '- QueueFull              the byte budget is used up

Texts name the setting or field and the *type* of what was given, never its value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BatchRejected",
    "ConfigurationError",
    "DeliveryError",
    "EventTooLarge",
    "InvalidEvent",
    "PlanError",
    "PlanViolation",
    "QueueFull",
    "RetriesExhausted",
    "SegmentError",
    "TransportError",
]


class SegmentError(Exception):
    """The root of all errors of this package."""


class ConfigurationError(SegmentError, ValueError):
    """
    A setting is missing or wrong. Raised at start-up only.

    Args:
        text: What is wrong and how to mend it.
        setting: The setting's name as `Settings` spells it, ``"write_key"``.
    """

    def __init__(self, text: str, *, setting: str | None = None) -> None:
        super().__init__(text)
        self.setting = setting


class PlanError(ConfigurationError):
    """
    A tracking plan can't be used as it is. Raised where it is loaded.

    Args:
        text: What is wrong and how to mend it; the place goes before it.
        source: The file, or what else it was read from.
        event: The event's name, where it is about one.
        pointer: The JSON pointer of the place in the file, ``"/rules/3/jsonSchema"``.
    """

    def __init__(
        self, text: str, *, source: str = "", event: str = "", pointer: str = ""
    ) -> None:
        named = f"event {event!r}" if event else ""
        place = ", ".join(part for part in (source, named, pointer) if part)
        super().__init__(f"{place}: {text}" if place else text, setting="plan")
        self.source = source
        self.event = event
        self.pointer = pointer


class InvalidEvent(SegmentError, ValueError):
    """
    A call breaks the Segment spec. Raised from the call, in strict mode only.

    Args:
        field: The field at fault, as the call names it, ``"user_id"``.
        reason: What is wrong with it; gives the value's type, never the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class EventTooLarge(InvalidEvent):
    """One encoded event is over *limit_bytes*, so Segment would refuse it."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            "event",
            f"is {size_bytes} bytes of JSON, and Segment takes {limit_bytes}:"
            " send fewer or shorter properties",
        )
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class PlanViolation(SegmentError, ValueError):
    """
    A call breaks the tracking plan. Raised from the call, in strict mode only.

    Args:
        text: What is wrong.
        violations: The violations, in the order in which they were found.
    """

    def __init__(self, text: str, violations: Sequence[object] = ()) -> None:
        super().__init__(text)
        self.violations = tuple(violations)


class DeliveryError(SegmentError):
    """
    Messages that could not be delivered. Handed to `on_error`, never raised.

    Args:
        text: What happened.
        messages: The messages concerned, as they would have been sent.
    """

    def __init__(self, text: str, messages: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(text)
        self.messages = tuple(messages)


class TransportError(DeliveryError):
    """No answer came: refused, reset, timed out, TLS."""


class BatchRejected(DeliveryError):
    """
    The endpoint gave a final *status*.

    Args:
        text: What happened.
        messages: The messages concerned.
        status: The HTTP status of the answer.
        body: The first bytes of the answer, decoded.
    """

    def __init__(
        self,
        text: str,
        messages: Sequence[dict[str, Any]] = (),
        *,
        status: int,
        body: str = "",
    ) -> None:
        super().__init__(text, messages)
        self.status = status
        self.body = body


class RetriesExhausted(DeliveryError):
    """The batch grew older than `max_age`; *attempts* were made."""

    def __init__(
        self,
        text: str,
        messages: Sequence[dict[str, Any]] = (),
        *,
        attempts: int,
    ) -> None:
        super().__init__(text, messages)
        self.attempts = attempts


class QueueFull(DeliveryError):
    """The queue's byte budget is used up; the overflow policy chose these."""
