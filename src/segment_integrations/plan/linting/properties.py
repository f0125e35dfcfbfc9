"""What is wrong with the names and the types of properties, throughout a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from segment_integrations.plan.diffing.schema import step
from segment_integrations.plan.names.segment import PLACES, SEMANTIC, TRAITS
from segment_integrations.plan.names.words import Style, in_style, key, style_of
from segment_integrations.plan.rules import FACTS, Rule

_FEW: Final = 3
"""So many places of a name are told."""


@dataclass(frozen=True, slots=True)
class Property:
    """
    A property or trait in one rule, at any depth.

    Args:
        rule: Where it is planned.
        path: The names that lead to it, ``("products", "[]", "price")``.
        place: The JSON pointer of its schema, from the rule's.
        schema: Its schema.
    """

    rule: Rule
    path: tuple[str, ...]
    place: str
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As it stands in a message."""
        return self.path[-1]

    @property
    def is_top(self) -> bool:
        """Whether it is the event's own, rather than an object's in it."""
        return len(self.path) == 1

    @property
    def is_described(self) -> bool:
        """Whether the plan says what it is."""
        text = self.schema.get("description")
        return isinstance(text, str) and bool(text.strip())

    @property
    def is_trait(self) -> bool:
        """Whether it is of a user or group."""
        return FACTS.get(self.rule.type) == "traits"

    @property
    def is_segments(self) -> bool:
        """Whether Segment's spec may have chosen this spelling."""
        if self.is_trait:
            return self.name in TRAITS
        return self.rule.key in SEMANTIC and style_of(self.name) == "snake_case"


def planned(rule: Rule) -> Iterator[Property]:
    """The properties of *rule*, each before those in it."""
    place = FACTS.get(rule.type)
    if place is None:
        return
    waiting: list[tuple[tuple[str, ...], str, object]] = [
        ((), step("", "properties", place), rule.facts)
    ]
    while waiting:
        path, at, schema = waiting.pop()
        if not isinstance(schema, Mapping):
            continue
        if path and path[-1] != "[]":
            yield Property(rule, path, at, schema)
        below: list[tuple[tuple[str, ...], str, object]] = []
        inner = schema.get("properties")
        if isinstance(inner, Mapping):
            below = [
                ((*path, name), step(at, "properties", name), one)
                for name, one in inner.items()
            ]
        if path and isinstance(schema.get("items"), Mapping):
            below.append(((*path, "[]"), step(at, "items"), schema["items"]))
        waiting += reversed(below)


Told = tuple[Property, str]
"""Where, and what."""


def cases(properties: list[Property]) -> Iterator[Told]:
    """Names that are not in the spelling that most names have."""
    counted = [one for one in properties if not one.is_segments]
    styles = Counter(style_of(name) for name in {one.name for one in counted})
    # Segment recommends snake_case, which so wins a tie.
    most: Style = (
        "camelCase" if styles["camelCase"] > styles["snake_case"] else "snake_case"
    )
    for name, places in _by_name(counted).items():
        if style_of(name) not in {"", most} and not _signs(name):
            wanted = in_style(name, most)
            advice = f": write {wanted!r}" if wanted not in {"", name} else ""
            yield (
                places[0],
                (
                    f"{name!r} is not in {most}, as most properties are{advice}"
                    f"{_elsewhere(places)}"
                ),
            )


def spellings(properties: list[Property]) -> Iterator[Told]:
    """The same words in more than one spelling."""
    told: set[str] = set()
    for group in (
        [one for one in properties if not one.is_segments],
        [one for one in properties if one.is_trait],
    ):
        alike: dict[str, dict[str, list[Property]]] = {}
        for name, places in _by_name(group).items():
            if found := key(name):
                alike.setdefault(found, {})[name] = places
        for found, names in alike.items():
            if len(names) > 1 and found not in told:
                told.add(found)
                texts = [
                    f"{name!r} in {places[0].rule.title}"
                    for name, places in names.items()
                ]
                yield (
                    [*names.values()][1][0],
                    f"one property in {len(names)} spellings: {', '.join(texts)}",
                )


def types(properties: Iterable[Property]) -> Iterator[Told]:
    """The same property with other types in other events, newest versions only."""
    newest: dict[tuple[str, str], int] = {}
    listed = [one for one in properties if (one.rule.key, *one.path) not in PLACES]
    for one in listed:
        rule = (one.rule.type, one.rule.key)
        newest[rule] = max(newest.get(rule, 0), one.rule.version)
    alike: dict[tuple[bool, tuple[str, ...]], dict[frozenset[str], Property]] = {}
    for one in listed:
        if one.rule.version == newest[one.rule.type, one.rule.key] and (
            found := _types(one.schema)
        ):
            alike.setdefault((one.is_trait, one.path), {}).setdefault(found, one)
    for places in alike.values():
        if len(places) > 1:
            texts = [
                f"{' or '.join(sorted(found))} in {one.rule.title}"
                for found, one in places.items()
            ]
            second = [*places.values()][1]
            path = ".".join(second.path)
            yield second, f"{path!r} has more than one type: {', '.join(texts)}"


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    """Types that a warehouse tells apart: null is none, an integer is a number."""
    given = schema.get("type")
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list):
        return frozenset()
    found = {str(name) for name in names} - {"null"}
    return frozenset("number" if name == "integer" else name for name in found)


def signs(properties: Iterable[Property]) -> Iterator[Told]:
    """Names with a sign that warehouses and Segment's own tools take for theirs."""
    for name, places in _by_name(properties).items():
        if found := _signs(name):
            yield (
                places[0],
                (
                    f"{name!r} has {' and '.join(map(repr, found))} in it, which stands"
                    f" for nesting in Segment's tools{_elsewhere(places)}"
                ),
            )
        elif name != name.strip() or not name:
            yield places[0], f"{name!r} is empty or has a space at an end"


def _signs(name: str) -> list[str]:
    return [sign for sign in (".", "$") if sign in name]


def _by_name(properties: Iterable[Property]) -> dict[str, list[Property]]:
    found: dict[str, list[Property]] = {}
    for one in properties:
        found.setdefault(one.name, []).append(one)
    return found


def _elsewhere(places: list[Property]) -> str:
    """Where else the same is, in a few words."""
    titles = [*dict.fromkeys(one.rule.title for one in places)][1:]
    if not titles:
        return ""
    shown = ", ".join(titles[:_FEW])
    more = len(titles) - _FEW
    return f"; also in {shown}{f' and {more} more' if more > 0 else ''}"
