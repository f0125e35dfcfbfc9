"""
Where in valid facts a value could stand that is another one on the wire.

jsonschema-rs takes a `Decimal` for a number, and it goes over the wire as a text; any
other value that JSON does not know it refuses. So a schema tells where to look, which
is cheaper than the wire form of each message. Of a schema that is not plain enough to
tell there are no `Spots`, and the wire form is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

NOTES: Final = frozenset(
    [
        *["$schema", "$comment", "id", "title", "description", "default"],
        *["examples", "labels", "readOnly", "key"],
    ]
)
"""Keywords that ask nothing of a value."""

_PLAIN: Final = NOTES | {
    *["type", "properties", "required", "items", "additionalProperties"],
    *["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    *["minLength", "maxLength", "pattern", "format", "enum"],
    *["minItems", "maxItems", "minProperties", "maxProperties"],
}
SAFE: Final = frozenset({int, float, bool, str, dict, list, NoneType})
_NUMBERS: Final = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True)
class Spots:
    """
    The places in one object, or in each object of a list.

    Args:
        names: The keys whose values may be numbers.
        inner: The keys of objects, and of lists of objects, with the places in those.
        is_list: Whether these are the places in each item of a list.
        is_place: Whether the value, or the item, may be a number itself.
    """

    names: tuple[str, ...] = ()
    inner: tuple[tuple[str, Spots], ...] = ()
    is_list: bool = False
    is_place: bool = False

    @property
    def is_flat_list(self) -> bool:
        """Whether it is enough to look at the names in each item of a list."""
        return self.is_list and not self.inner and not self.is_place

    def are_odd(self, value: Any) -> bool:
        """Whether *value*, which is valid, has at one of the places no plain value."""
        if not self.is_list:
            return type(value) is dict and self._are_odd_in(value)
        if type(value) is not list:
            return value is not None
        names, inner = self.names, self.inner
        for item in value:
            if type(item) is not dict:
                if type(item) not in SAFE:
                    return True
            elif inner:
                if self._are_odd_in(item):
                    return True
            else:  # as below, without a call for each of many
                for name in names:
                    if name in item and type(item[name]) not in SAFE:
                        return True
        return False

    def _are_odd_in(self, found: dict[str, Any]) -> bool:
        for name in self.names:
            if name in found and type(found[name]) not in SAFE:
                return True
        for name, spots in self.inner:
            if name in found and spots.are_odd(found[name]):
                return True
        return False


class NotPlain(Exception):  # noqa: N818 - a verdict that is always caught
    """The schema does not tell."""


def spots_of(schema: Any) -> Spots | None:
    """The places in facts of *schema* where a number may stand, or None."""
    try:
        return _spots(schema)
    except NotPlain:
        return None


def _spots(schema: Any, *, is_list: bool = False) -> Spots:
    """The places in an object of *schema*."""
    if schema is True:
        return Spots(is_list=is_list, is_place=False)
    if not isinstance(schema, Mapping) or not _PLAIN.issuperset(schema):
        raise NotPlain
    if not isinstance(schema.get("additionalProperties", True), bool):
        raise NotPlain
    names: list[str] = []
    inner: list[tuple[str, Spots]] = []
    for name, found in schema.get("properties", {}).items():
        if found is True or (isinstance(found, Mapping) and NOTES.issuperset(found)):
            continue
        if not isinstance(found, Mapping) or not _PLAIN.issuperset(found):
            raise NotPlain
        if _may_be_number(found):
            names.append(name)
        if "properties" in found:
            inner.append((name, _spots(found)))
        if "items" in found:
            inner.append((name, _items(found["items"])))
    telling = tuple(one for one in inner if _tells(one[1]))
    return Spots(tuple(names), telling, is_list, _may_be_number(schema))


def _may_be_number(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type", "number")
    return not _NUMBERS.isdisjoint([types] if isinstance(types, str) else types)


def _items(schema: Any) -> Spots:
    """The places in each item of a list, which may be the items themselves."""
    if not isinstance(schema, Mapping) or "items" in schema:
        raise NotPlain  # lists of lists are rare
    return _spots(schema, is_list=True)


def _tells(spots: Spots) -> bool:
    return bool(spots.names or spots.inner) or (spots.is_list and spots.is_place)
