"""
Turns what jsonschema-rs found into violations, in Protocols' words.

Protocols' types and sentences are those of gojsonschema, its types in Title Case. Only
the keyword, the place and the plan's own words are used, and of the message no more
than the JSON type of a value: no value gets into a violation.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final

from segment_integrations.plan.checking.engine import (
    Broken,
    as_written,
    pattern_budget_spent,
)
from segment_integrations.plan.loading.walk import escaped
from segment_integrations.plan.violations import (
    INVALID_TYPE,
    REQUIRED,
    UNPLANNED_EVENT,
    UNPLANNED_PROPERTY,
    Violation,
)

ROOT: Final = "(root)"
_WORDS_MAX: Final = 200
_PLAIN: Final = Violation(UNPLANNED_EVENT, "event", "event is not in the tracking plan")

_Words = tuple[str, Callable[[Mapping[str, Any]], str]]
_SIMPLE: Final[Mapping[str, _Words]] = {
    "enum": (
        "Enum",
        lambda kind: f"Must be one of the following: {_listed(kind['options'])}",
    ),
    "const": ("Const", lambda kind: f"Does not match: {_json(kind['expected_value'])}"),
    "pattern": ("Pattern", lambda kind: _unmatched(kind["pattern"])),
    "format": ("Format", lambda kind: f"Does not match format '{kind['format']}'"),
    "minLength": (
        "String Gte",
        lambda kind: f"String length must be greater than or equal to {kind['limit']}",
    ),
    "maxLength": (
        "String Lte",
        lambda kind: f"String length must be less than or equal to {kind['limit']}",
    ),
    "minimum": (
        "Number Gte",
        lambda kind: f"Must be greater than or equal to {kind['limit']}",
    ),
    "maximum": (
        "Number Lte",
        lambda kind: f"Must be less than or equal to {kind['limit']}",
    ),
    "exclusiveMinimum": (
        "Number Gt",
        lambda kind: f"Must be greater than {kind['limit']}",
    ),
    "exclusiveMaximum": (
        "Number Lt",
        lambda kind: f"Must be less than {kind['limit']}",
    ),
    "multipleOf": (
        "Multiple Of",
        lambda kind: f"Must be a multiple of {kind['multiple_of']}",
    ),
    "minItems": (
        "Array Min Items",
        lambda kind: f"Array must have at least {kind['limit']} items",
    ),
    "maxItems": (
        "Array Max Items",
        lambda kind: f"Array must have at most {kind['limit']} items",
    ),
    "minProperties": (
        "Array Min Properties",
        lambda kind: f"Must have at least {kind['limit']} properties",
    ),
    "maxProperties": (
        "Array Max Properties",
        lambda kind: f"Must have at most {kind['limit']} properties",
    ),
    "uniqueItems": ("Unique", lambda _: "Array items must be unique"),
    "contains": ("Contains", lambda _: "At least one of the items must match"),
    "additionalItems": (
        "Array No Additional Items",
        lambda _: "No additional items allowed on array",
    ),
    "not": ("Number Not", lambda _: "Must not validate the schema (not)"),
    "anyOf": (
        "Number Any Of",
        lambda _: "Must validate at least one schema (anyOf)",
    ),
    "oneOf": (
        "Number One Of",
        lambda _: "Must validate one and only one schema (oneOf)",
    ),
    "falseSchema": ("False", lambda _: "False always fails validation"),
    "propertyNames": (
        "Invalid Property Name",
        lambda _: "A property's name does not match",
    ),
}
"""The keywords whose violations stand at the value itself: type and sentence."""


def violations(errors: Iterable[Broken]) -> list[Violation]:
    """What *errors* mean, in their order."""
    found: list[Violation] = []
    for error in errors:
        found += _told(error, error.instance_path)
    return found


def unplanned_event() -> Violation:
    """The violation of a track call whose event is not in the plan."""
    return _PLAIN


def unplanned_property(place: str, name: str) -> Violation:
    """The violation of one property or trait that the plan does not have."""
    field = f"{place}.{name}"
    return Violation(
        UNPLANNED_PROPERTY,
        field,
        f"{field} is not in the tracking plan",
        escaped(["properties", place]),
        path=(place, name),
    )


def _told(error: Broken, path: list[str | int]) -> Iterable[Violation]:
    kind: Any = error.kind  # each keyword has its own
    name = kind.name
    pointer = _pointer(tuple(error.schema_path))
    if name == "type":
        expected = _typed(tuple(kind.types))
        words = f"Invalid type. Expected: {expected}, given: {_type_of(error.instance)}"
        return (_violation(INVALID_TYPE, path, words, pointer),)
    if name == "required":
        path = [*path, kind.property]
        words = f"{_field(path)} is required"
        return (_violation(REQUIRED, path, words, pointer),)
    if name == "additionalProperties":
        extras = kind.as_dict()["unexpected"]
        return [_additional([*path, extra], pointer) for extra in extras]
    if name in {"anyOf", "oneOf"} and (closest := _closest(error)) is not None:
        return violations(closest)
    if pattern_budget_spent(error):
        words = "Takes too long to be matched with its pattern"
        return (_violation("Pattern", path, words, pointer),)
    type_, sentence = _SIMPLE.get(name, (_titled(name), _unknown))
    words = sentence(kind.as_dict())[:_WORDS_MAX]
    return (_violation(type_, path, words, pointer),)


@functools.lru_cache(maxsize=4096)
def _pointer(way: tuple[str | int, ...]) -> str:
    """The pointer of a place in a schema; the same ones break again and again."""
    return escaped(way)


def _additional(path: list[str | int], pointer: str) -> Violation:
    return _violation(
        "Additional Property Not Allowed",
        path,
        f"Additional property {path[-1]} is not allowed",
        pointer,
    )


def _violation(
    type_: str, path: list[str | int], words: str, pointer: str
) -> Violation:
    return Violation(type_, _field(path), words, pointer, path=tuple(path))


def _closest(error: Broken) -> list[Broken] | None:
    """
    The errors of the one alternative that was meant, as far as types tell, or None.

    It was meant when it alone takes a value of this type, or one with the constants
    that the value has.
    """
    context = error.kind.as_dict()["context"]
    here = error.instance_path
    near = [
        inner
        for inner in context
        if inner and not any(_rules_out(one, here) for one in inner)
    ]
    return near[0] if len(near) == 1 and all(context) else None


def _rules_out(error: Broken, here: list[str | int]) -> bool:
    """Whether *error* says that this alternative is about something else."""
    name = error.kind.name
    if name == "type":
        return error.instance_path == here
    return name == "const" and len(error.instance_path) <= len(here) + 1


def _field(path: Iterable[Any]) -> str:
    try:
        return ".".join(path) or ROOT
    except TypeError:  # it has indexes
        return ".".join(map(str, path)) or ROOT


_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


@functools.lru_cache(maxsize=256)
def _typed(types: tuple[str, ...]) -> str:
    """*types* in one order, whatever the schema's."""
    return ", ".join(one for one in _TYPES if one in types)


_TYPE_OF: Final[Mapping[type, str]] = {
    NoneType: "null",
    bool: "boolean",
    str: "string",
    list: "array",
    dict: "object",
    int: "integer",
}


def _type_of(value: object) -> str:
    return _TYPE_OF.get(type(value), "number")


def _unmatched(pattern: str) -> str:
    return f"Does not match pattern '{as_written(pattern)}'"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _listed(options: Iterable[object]) -> str:
    return ", ".join(map(_json, options))


def _titled(keyword: str) -> str:
    """``"contentEncoding"`` to ``"Content Encoding"``."""
    return "".join(f" {one}" if one.isupper() else one for one in keyword).title()


def _unknown(_: Mapping[str, Any]) -> str:
    return "Does not match the schema"
