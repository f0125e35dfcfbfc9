"""
Builds and checks the fields of a message, as the Segment spec has them.

Each function takes what a caller gave and returns what goes on the wire, or raises
`InvalidEvent`; whether that reaches the caller is decided by `strict`, elsewhere.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from segment_integrations.core.encode import has_no_text
from segment_integrations.core.event_models import fields_of
from segment_integrations.core.message import MESSAGE_ID_MAX_CHARS
from segment_integrations.errors import InvalidEvent

_NOT_IDS: Final = (bool, float, bytes, bytearray, complex, Mapping, list, tuple, set)

_IDS: Final = frozenset({int, UUID})
"""Types that nothing has to be asked about."""

_MILLISECONDS: Final = tuple(f".{number:03d}Z" for number in range(1000))

_second: tuple[int, str] = (0, "1970-01-01T00:00:00")


def new_message_id() -> str:
    """A random UUID, version 4, at a third of the cost of `uuid.uuid4`."""
    digits = os.urandom(15).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"
    )


def message_id(value: object) -> str:
    """The caller's own id, for idempotent webhooks and retries."""
    if not isinstance(value, str) or not value:
        raise InvalidEvent("message_id", f"must be a text, got {_kind(value)}")
    if len(value) > MESSAGE_ID_MAX_CHARS:
        raise InvalidEvent(
            "message_id", f"must be under {MESSAGE_ID_MAX_CHARS + 1} characters"
        )
    return value


def wire_time(seconds: float) -> str:
    """Unix *seconds* as ISO 8601 in UTC with milliseconds and ``Z``."""
    whole = math.floor(seconds)
    at, text = _second
    if at != whole:
        text = _text(whole)
    # Of a moment just before a full second the difference may round up to one.
    return text + _MILLISECONDS[min(int((seconds - whole) * 1000), 999)]


def _text(second: int) -> str:
    """The date and time of a whole Unix *second*; the last one is remembered."""
    global _second  # noqa: PLW0603 - one tuple, replaced whole, is safe without a lock
    at, text = _second
    if at != second:
        text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second = (second, text)
    return text


def timestamp(value: object, *, strict: bool) -> str:
    """
    The `timestamp` argument: an aware datetime, an ISO 8601 text or Unix seconds.

    A naive datetime or text is local time, whatever its value, as
    `datetime.timestamp` has it; *strict* refuses it.
    """
    if type(value) is float:  # first, for each page call comes with one
        return _of_seconds(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidEvent("timestamp", "is no ISO 8601 text") from None
    if isinstance(value, datetime):
        if value.tzinfo is None and strict:
            raise InvalidEvent("timestamp", "has no time zone")
        try:
            moment = value.astimezone(UTC)
        except (OverflowError, ValueError, OSError):
            raise InvalidEvent("timestamp", "is out of range") from None
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_seconds(value)
    hint = " (a date has no time)" if isinstance(value, date) else ""
    raise InvalidEvent(
        "timestamp",
        f"must be a datetime, an ISO 8601 text or seconds, got {_kind(value)}{hint}",
    )


def _of_seconds(value: float) -> str:
    try:
        return wire_time(value)
    except (OverflowError, ValueError, OSError):
        raise InvalidEvent("timestamp", "is out of range") from None


def identifier(value: object, field: str) -> str | None:
    """
    An id as the text that Segment wants; None and the empty text mean "not known".

    Numbers, UUIDs and a database's own id types become their text. What has none is
    refused: the one that Python gives it may quote a user, and is another each time.
    """
    if type(value) is str:
        return value or None
    if value is None:
        return None
    try:
        if type(value) in _IDS or not (
            isinstance(value, _NOT_IDS) or has_no_text(value)
        ):
            return str(value) or None
    except Exception:  # noqa: BLE001 - a hostile __str__, a lazy value without its own
        raise InvalidEvent(field, f"has no text, got {_kind(value)}") from None
    raise InvalidEvent(
        field, f"must be a text, a whole number or a UUID, got {_kind(value)}"
    )


def mapping(value: object, field: str) -> dict[str, Any]:
    """A mapping or a model's fields as a new dict, so that ours is not the caller's."""
    if type(value) is dict:
        return value.copy()
    if value is None:
        return {}
    try:
        if isinstance(value, Mapping):
            return dict(value)
        fields = fields_of(value)
        if fields is not None:
            return fields
    except Exception:  # noqa: BLE001 - one that is read late, and can not be now
        raise InvalidEvent(field, f"can not be read, got {_kind(value)}") from None
    raise InvalidEvent(field, f"must be a mapping, got {_kind(value)}")


def name(value: object, field: str) -> str:
    """An event's or a page's name."""
    try:
        if isinstance(value, str) and value.strip():
            return value
    except Exception:  # noqa: BLE001 - a lazy value that can not be read now
        raise InvalidEvent(field, f"can not be read, got {_kind(value)}") from None
    raise InvalidEvent(field, f"must be a text that is not empty, got {_kind(value)}")


def optional_name(value: object, field: str) -> str | None:
    """A page's name or category, which may be left out."""
    return None if value is None else name(value, field)


def merged(
    base: dict[str, Any] | None, given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """*base* with *given* over it; mappings below a key are joined, once."""
    if not given:
        return dict(base or {})
    result = dict(base or {})
    for key, value in given.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            result[key] = {**below, **value}
        else:
            result[key] = value
    return result


def now() -> str:
    """The present as it goes on the wire."""
    second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    at, text = _second
    if at != second:
        text = _text(second)
    return text + _MILLISECONDS[nanoseconds // 1_000_000]


def _kind(value: object) -> str:
    return type(value).__name__
