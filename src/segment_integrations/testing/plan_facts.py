"""What a run has shown of a tracking plan: facts that travel between processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from segment_integrations.plan.rules import Rule

Kind = Literal["fired", "seen", "unplanned", "unplanned event"]

DEPTH_MAX: Final = 20
"""Levels of nested properties that are looked at; a person nests three or four."""

EACH: Final = "$"
"""
Stands for the items of an array in a path, ``products.$.sku``.

Source: the names of nested properties in Protocols' editor.
"""


class Fact(NamedTuple):
    """
    One thing that an event has shown, in words that xdist can carry. Holds no value.

    Args:
        kind: ``"fired"`` (the rule was met), ``"seen"`` (a planned property was
            there), ``"unplanned"`` (one that the rule does not have), ``"unplanned
            event"`` (a track call without a rule).
        type: The rule's type.
        key: The rule's key, or the event's name where there is no rule.
        version: The rule's version, 1 where there is none.
        name: The property, as a path.
    """

    kind: Kind
    type: str
    key: str
    version: int
    name: str = ""


def fact(kind: Kind, rule: Rule, name: str = "") -> Fact:
    """Say something of *rule*."""
    return Fact(kind, rule.type, rule.key, rule.version, name)


def planned_paths(
    schema: object, prefix: str = "", depth: int = DEPTH_MAX
) -> Iterator[str]:
    """The properties that *schema* names, those of nested objects and arrays too."""
    for path, inner in _named(schema, prefix):
        yield path
        if depth:
            yield from planned_paths(inner, f"{path}.", depth - 1)
    if depth and (items := _items(schema)) is not None:
        yield from planned_paths(items, f"{prefix}{EACH}.", depth - 1)


def seen_paths(
    schema: object, value: object, prefix: str = "", depth: int = DEPTH_MAX
) -> Iterator[str]:
    """Those of `planned_paths` that *value* has, null or not; some more than once."""
    if isinstance(value, Mapping):
        for path, inner in _named(schema, prefix):
            name = path[len(prefix) :]
            if name in value:
                yield path
                if depth:
                    yield from seen_paths(inner, value[name], f"{path}.", depth - 1)
    elif isinstance(value, list) and depth and (items := _items(schema)) is not None:
        for one in value:
            yield from seen_paths(items, one, f"{prefix}{EACH}.", depth - 1)


def _named(schema: object, prefix: str) -> Iterator[tuple[str, Any]]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(found, Mapping):
        for name, inner in found.items():
            yield f"{prefix}{name}", inner


def _items(schema: object) -> Mapping[str, Any] | None:
    found = schema.get("items") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else None
