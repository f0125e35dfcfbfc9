"""How a typed event goes on the wire: its facts, its version, its check if strict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from segment_integrations.core import events
from segment_integrations.core.event import OLDEST, Declaration
from segment_integrations.core.event_models import opened
from segment_integrations.errors import InvalidEvent

if TYPE_CHECKING:
    from segment_integrations.core.event import Typed
    from segment_integrations.core.message import Call

Given = TypeVar("Given", bound=Mapping[str, object])

_PLACE: Final = re.compile(
    r"(?P<text>.*) - at (?:`key` in )?`\$(?P<path>[^`]*)`", re.DOTALL
)
_EXPECTED: Final = re.compile(
    r"Expected (?P<wanted>`[^`]*`(, got `[^`]*`| with a timezone component"
    r"| matching regex (?P<quote>[\"']).*(?P=quote)| (of length )?[<>]=? [-+.\de]+"
    r"| that's a multiple of [-+.\de]+)?)",
    re.DOTALL,
)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_FORM: Final = re.compile(
    r"Invalid (?P<form>(RFC3339|base64) encoded \w+|UUID|decimal string|ISO8601 \w+)"
)


def unfolded(
    typed: Typed, call: Call, options: Given, *, strict: bool
) -> tuple[dict[str, Any], Given]:
    """
    What *typed* says, as plain values of now, and the options with its version.

    Args:
        typed: The instance.
        call: The call that it was given to.
        options: The call's options, which are not changed.
        strict: Whether the values are checked against the annotations.

    Raises:
        InvalidEvent: The class is for another call; in strict mode, a value breaks its
            annotation.
    """
    field = "traits" if call in {"identify", "group"} else "properties"
    said = getattr(typed, "__segment__", None)
    if not isinstance(said, Declaration):
        raise InvalidEvent(field, f"must be of a subclass of {type(typed).__name__}")
    if said.call != call:
        raise InvalidEvent(
            field,
            f"must be for {call} calls, and {type(typed).__name__} is for {said.call}",
        )
    facts = _facts(typed)
    if strict:
        _check(typed, facts, field)
    if said.version == OLDEST:
        return facts, options
    return facts, _stamped(options, said.version)


def named(view: Typed, name: str | None) -> str | None:
    """
    The name of a page or screen call with *view*: given, or that of its class.

    Raises:
        InvalidEvent: They differ.
    """
    said = getattr(view, "__segment__", None)
    planned = said.name if isinstance(said, Declaration) else ""
    if planned and name is not None and name != planned:
        raise InvalidEvent("name", f"must be {planned!r} for {type(view).__name__}")
    return planned or name


def beside(typed: Typed) -> InvalidEvent:
    """The error of properties that are given beside an event."""
    return InvalidEvent(
        "properties",
        f"can't be given beside {type(typed).__name__}, which has its own",
    )


def _facts(typed: Typed) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = msgspec.to_builtins(
            typed, str_keys=True, enc_hook=opened
        )
    except Exception:  # noqa: BLE001 - a circle, say: the encoder cuts such values off
        return {
            name: value
            for field, name in zip(
                typed.__struct_fields__, typed.__struct_encode_fields__, strict=True
            )
            if (value := getattr(typed, field, msgspec.UNSET)) is not msgspec.UNSET
        }
    return facts


def _stamped(options: Given, version: int) -> Given:
    context = events.mapping(options.get("context"), "context")
    given = context.get("protocols")
    protocols = dict(given) if isinstance(given, Mapping) else {}
    protocols["event_version"] = version
    return {**options, "context": {**context, "protocols": protocols}}  # type: ignore[return-value]


def _check(typed: Typed, facts: dict[str, Any], field: str) -> None:
    """
    Compare the values with the annotations.

    Raises:
        InvalidEvent: One breaks its annotation; names field and type, no value.
    """
    try:
        msgspec.convert(facts, type(typed), str_keys=True)  # as `_facts` made them
    except msgspec.ValidationError as error:
        place, reason = _told(str(error))
        raise InvalidEvent(
            f"{field}{place}", f"{reason} ({type(typed).__name__})"
        ) from None
    except Exception as error:  # noqa: BLE001 - an annotation that names nothing
        raise InvalidEvent(
            field,
            f"can't be checked: {type(error).__name__} in the annotations of"
            f" {type(typed).__name__}",
        ) from None


def _told(text: str) -> tuple[str, str]:
    """
    A text of msgspec's as a place and a reason, of which none holds a value.

    Its texts of enums quote the value, and so may the errors of a class's own code:
    only what is known to be safe is taken over.
    """
    place = ""
    if found := _PLACE.fullmatch(text):
        text = found["text"]
        place = re.sub(r"\[(\.\.\.|\d+)\]", r".\1", found["path"])
    if missing := _MISSING.fullmatch(text):
        return f"{place}.{missing['name']}", "is missing"
    if expected := _EXPECTED.fullmatch(text):
        return place, f"must be {expected['wanted']}".replace("`", "")
    if form := _FORM.fullmatch(text):
        return place, f"is no {form['form']}"
    if text.startswith("Invalid enum value"):
        return place, "is none of the permitted values"
    return place, "has a value that its annotation does not permit"
