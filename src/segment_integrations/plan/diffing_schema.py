"""Which schemas stand where in a JSON Schema, and whether two of them mean the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

ONE: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
    }
)
"""Keywords whose value is a schema; that of ``items`` may be a list as well."""

LISTED: Final = frozenset({"allOf", "anyOf", "items", "oneOf"})
"""Keywords whose value is a list of schemas."""

NAMED: Final = frozenset({"definitions", "dependencies", "patternProperties", "properties"})
"""Keywords whose value is an object of schemas; a dependency may be a list of names."""

SAYS_NOTHING: Final = frozenset(
    {
        "$comment",
        "$id",
        "$schema",
        "default",
        "description",
        "examples",
        "id",
        "labels",
        "readOnly",
        "title",
        "writeOnly",
    }
)
"""Keywords that no message can break."""

CHECKS: Final = frozenset(
    {
        "$ref",
        "const",
        "contentEncoding",
        "contentMediaType",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maximum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "minimum",
        "minItems",
        "minLength",
        "minProperties",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
    }
)
"""The other keywords of draft-07."""

KNOWN: Final = ONE | LISTED | NAMED | SAYS_NOTHING | CHECKS
"""All keywords of draft-07, and Segment's ``id`` and ``labels``."""


def step(pointer: str, *names: str | int) -> str:
    """*pointer* with more steps, each escaped as RFC 6901 has it."""
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return "/".join((pointer, *escaped))


def children(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas directly below *schema*, each with the steps that lead to it."""
    for keyword, value in schema.items():
        if keyword in LISTED and isinstance(value, list):
            for index, one in enumerate(value):
                yield (keyword, index), one
        elif keyword in NAMED and isinstance(value, Mapping):
            for name, one in value.items():
                if isinstance(one, Mapping | bool):
                    yield (keyword, name), one
        elif keyword in ONE:
            yield (keyword,), value


def walk(schema: object, pointer: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """*schema* and all below it, each with its JSON pointer; true and false left out."""
    waiting = [(pointer, schema)]
    while waiting:
        at, one = waiting.pop()
        if isinstance(one, Mapping):
            yield at, one
            below = [(step(at, *steps), child) for steps, child in children(one)]
            waiting += reversed(below)


def identity(value: object) -> Hashable:
    """Equal for equal JSON, in which 1 is 1.0 and is not true."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, Mapping):
        return frozenset((name, identity(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    return value if isinstance(value, Hashable) else repr(value)


def is_same(one: object, another: object) -> bool:
    """Whether both are the same JSON."""
    return one == another and identity(one) == identity(another)


def bare(schema: object) -> object:
    """*schema* without what says nothing, at any depth."""
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {
        name: value for name, value in schema.items() if name not in SAYS_NOTHING
    }
    for steps, child in children(schema):
        keyword = str(steps[0])
        if len(steps) == 1:
            kept[keyword] = bare(child)
            continue
        if kept[keyword] is schema[keyword]:
            value = schema[keyword]
            kept[keyword] = dict(value) if keyword in NAMED else list(value)
        kept[keyword][steps[1]] = bare(child)
    return kept


def means_the_same(one: object, another: object) -> bool:
    """Whether both differ, if at all, in what says nothing."""
    return is_same(one, another) or is_same(bare(one), bare(another))
