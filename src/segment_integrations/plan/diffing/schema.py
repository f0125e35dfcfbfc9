"""The keywords of JSON Schema, and whether two schemas mean the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from segment_integrations.plan.loading.walk import Pointer, children, escaped

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

HOLDS: Final = frozenset(
    {
        *["additionalItems", "additionalProperties", "allOf", "anyOf", "contains"],
        *["definitions", "dependencies", "else", "if", "items", "not", "oneOf"],
        *["patternProperties", "properties", "propertyNames", "then"],
    }
)
"""Keywords that have schemas in them."""

KNOWN: Final = HOLDS | SAYS_NOTHING | CHECKS
"""All keywords of draft-07, and Segment's ``id`` and ``labels``."""


def step(pointer: str, *names: str | int) -> str:
    """*pointer* with more steps."""
    return pointer + escaped(names)


def walk(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """*schema* and all below it in their order, each with its JSON pointer."""
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", schema)]
    while waiting:
        at, one = waiting.pop()
        yield at, one
        below = [(at + escaped(way), child) for way, child in children(one)]
        waiting += reversed(below)


def identity(value: object) -> Hashable:
    """Equal for equal JSON, in which 1 is 1.0 and is not true."""
    if isinstance(value, bool):
        return (bool, value)  # for 1 equals True
    if isinstance(value, Mapping):
        return frozenset((name, identity(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(identity(item) for item in value)
    return value


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
    for way, child in children(schema):
        _put(kept, schema, way, bare(child))
    return kept


def _put(
    kept: dict[str, Any], schema: Mapping[str, Any], way: Pointer, child: object
) -> None:
    """Put *child* where *way* leads to in *kept*, a copy of *schema*."""
    keyword, *rest = way
    if not rest:
        kept[keyword] = child
        return
    value = schema[keyword]
    is_list = isinstance(value, list | tuple)
    if kept[keyword] is value:
        kept[keyword] = list(value) if is_list else dict(value)
    kept[keyword][int(rest[0]) if is_list else rest[0]] = child


def means_the_same(one: object, another: object) -> bool:
    """Whether both differ, if at all, in what says nothing."""
    return is_same(one, another) or is_same(bare(one), bare(another))
