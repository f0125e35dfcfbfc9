"""Compares what a test expects with what would go over the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from segment_integrations.core import events
from segment_integrations.core.encode import encode
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.message import Call


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()
"""Stands for a value that a message does not have."""

PLACES: Final[dict[str, tuple[str, ...]]] = {
    "event": ("event",),
    "name": ("name",),
    "path": ("properties", "path"),
    "category": ("category",),
    "properties": ("properties",),
    "traits": ("traits",),
    "context": ("context",),
    "group_id": ("groupId",),
    "user_id": ("userId",),
    "anonymous_id": ("anonymousId",),
}
"""Where in a message an argument's value is, in the order in which texts show them."""

_IDS: Final = frozenset({"group_id", "user_id", "anonymous_id"})
NAMES: Final = frozenset({"event", "name"})


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One value that is not as expected.

    Args:
        label: Where, ``"properties.currency"``.
        expected: What the test wrote.
        got: What the message has.
    """

    label: str
    expected: object
    got: object

    def __str__(self) -> str:
        if self.expected is None:
            expected = "absent"
        elif self.expected is ...:
            expected = "any value"
        else:
            expected = show(self.expected)
        return f"{self.label}: expected {expected}, got {show(self.got)}"


class Expectation:
    """
    What one assert is about.

    Args:
        call: Which call.
        wanted: Its arguments by name; ``...`` for one that is not looked at.
    """

    def __init__(self, call: Call, wanted: Mapping[str, object]) -> None:
        self.call = call
        self.wanted = {
            name: value for name, value in wanted.items() if value is not ...
        }

    @property
    def name_argument(self) -> str | None:
        """``"event"`` or ``"name"`` where a name is expected."""
        return next((name for name in NAMES if name in self.wanted), None)

    def fits(self, message: Mapping[str, Any]) -> bool:
        """True when *message* is as expected."""
        return message["type"] == self.call and not self.differences(message)

    def differences(self, message: Mapping[str, Any]) -> list[Difference]:
        """What is not as expected in a message of the same call."""
        found: list[Difference] = []
        for argument in PLACES:
            if argument in self.wanted:
                expected = self.wanted[argument]
                got = at(message, PLACES[argument])
                if argument in _IDS:
                    expected = _id(expected)
                found.extend(compare(argument, expected, got))
        return found


def at(message: Mapping[str, Any], place: tuple[str, ...]) -> object:
    """The value at *place*, or `ABSENT`."""
    value: object = message
    for key in place:
        value = value.get(key, ABSENT) if isinstance(value, Mapping) else ABSENT
    return value


def compare(label: str, expected: object, got: object) -> Iterator[Difference]:
    """Each value below *label* that is not as expected."""
    if isinstance(expected, Mapping) and isinstance(got, dict):
        for key, value in expected.items():
            name = _key(key)
            yield from compare(f"{label}.{name}", value, got.get(name, ABSENT))
    elif (
        isinstance(expected, list | tuple)
        and isinstance(got, list)
        and len(expected) == len(got)
    ):
        for index, value in enumerate(expected):
            yield from compare(f"{label}[{index}]", value, got[index])
    elif not _fits(expected, got):
        yield Difference(label, expected, got)


def _fits(expected: object, got: object) -> bool:
    """Whether one value is as expected."""
    if expected is None or got is ABSENT:
        return expected is None and (got is ABSENT or got is None)
    if expected is ...:
        return True
    if isinstance(expected, set | frozenset) and isinstance(got, list):
        return len(expected) == len(got) and all(
            any(_equals(value, item) for item in got) for value in expected
        )
    return _equals(expected, got)


def _equals(expected: object, got: object) -> bool:
    if isinstance(got, bool) and isinstance(expected, int | float):
        return expected is got  # for Python True equals 1, for JSON it does not
    if isinstance(expected, bool):
        return False
    try:
        if got == expected:
            return True
    except Exception:  # noqa: BLE001 - an array that has no truth value is not equal
        return False
    wired: object = json.loads(encode({"": expected}))[""]
    return type(wired) is type(got) and wired == got


def _id(expected: object) -> object:
    """An id as the text that it is on the wire; what compares by itself, as it is."""
    if type(expected).__eq__ is not object.__eq__ and not isinstance(
        expected, int | UUID
    ):
        return expected
    try:
        return events.identifier(expected, "id")
    except InvalidEvent:
        return expected


def _key(key: object) -> str:
    """A mapping's key as it is on the wire."""
    if isinstance(key, str):
        return key
    return str(next(iter(json.loads(encode({"": {key: 0}}))[""])))


SHOWN_CHARS: Final = 200


def show(value: object) -> str:
    """*value* for a failure text, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
