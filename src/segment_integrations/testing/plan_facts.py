"""What a run has shown of a tracking plan: facts that travel between processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from segment_integrations.plan.loading.walk import Schema
    from segment_integrations.plan.rules import Rule

Kind = Literal["fired", "seen", "unplanned", "unplanned event"]

DEPTH_MAX: Final = 20
"""Levels of nested properties that are looked at; a person nests three or four."""

PATHS_MAX: Final = 10_000
"""Properties of one rule; definitions that refer to each other make millions."""

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


def planned_paths(rule: Rule) -> Iterator[str]:
    """
    The properties that *rule* names, those of nested objects and arrays too, each once.

    Wherever it names them: behind a reference and in an ``allOf`` as well.
    """
    paths = _planned(_facts(rule), rule.schema, "", DEPTH_MAX, frozenset())
    return islice(paths, PATHS_MAX)


def seen_paths(rule: Rule, value: object) -> Iterator[str]:
    """Those of `planned_paths` that *value* has, null or not; some more than once."""
    return _seen(_facts(rule), rule.schema, value, "", DEPTH_MAX)


def _facts(rule: Rule) -> Iterator[Schema]:
    """The schemas of the properties or traits."""
    from segment_integrations.plan.checking.names import facts_in
    from segment_integrations.plan.rules import FACTS

    return facts_in(rule.schema, FACTS[rule.type])


def _planned(
    schemas: Iterable[Schema],
    root: Schema,
    prefix: str,
    depth: int,
    above: frozenset[frozenset[int]],
) -> Iterator[str]:
    found = _whole(schemas, root)
    # A tree refers to itself for ever: the same schemas are not gone into again.
    these = frozenset(id(one) for one in found if "$ref" not in one)
    if these in above:
        return
    above |= {these}
    for name, inner in _named(found).items():
        yield f"{prefix}{name}"
        if depth:
            yield from _planned(inner, root, f"{prefix}{name}.", depth - 1, above)
    if depth and (items := _items(found)):
        yield from _planned(items, root, f"{prefix}{EACH}.", depth - 1, above)


def _seen(
    schemas: Iterable[Schema], root: Schema, value: object, prefix: str, depth: int
) -> Iterator[str]:
    found = _whole(schemas, root)
    if isinstance(value, Mapping):
        for name, inner in _named(found).items():
            if name in value:
                path = f"{prefix}{name}"
                yield path
                if depth:
                    yield from _seen(inner, root, value[name], f"{path}.", depth - 1)
    elif isinstance(value, list) and depth and (items := _items(found)):
        for one in value:
            yield from _seen(items, root, one, f"{prefix}{EACH}.", depth - 1)


def _whole(schemas: Iterable[Schema], root: Schema) -> list[Schema]:
    """*schemas* and all that speak of the same value, each once."""
    from segment_integrations.plan.loading.walk import same_value

    found = {id(one): one for inner in schemas for one in same_value(inner, root)}
    return list(found.values())


def _named(schemas: Iterable[Schema]) -> dict[str, list[Schema]]:
    """The properties that *schemas* name, each with what they say of it."""
    named: dict[str, list[Schema]] = {}
    for schema in schemas:
        found = schema.get("properties")
        if isinstance(found, Mapping):
            for name, inner in found.items():
                said = named.setdefault(name, [])
                if isinstance(inner, Mapping):
                    said.append(inner)
    return named


def _items(schemas: Iterable[Schema]) -> list[Schema]:
    found = (one.get("items") for one in schemas)
    return [one for one in found if isinstance(one, Mapping)]
