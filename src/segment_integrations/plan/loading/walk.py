"""Where in a JSON Schema other schemas stand, after draft-07. Knows no plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

Pointer = tuple[str, ...]
Schema = Mapping[str, Any]

DEPTH_MAX: Final = 64
"""
Levels of schemas in each other.

Source: ours; core/encode.py cuts an odd event at 64 levels.
"""

_ONE: Final = (
    *["additionalItems", "additionalProperties", "contains", "propertyNames"],
    *["items", "not", "if", "then", "else"],
)
_MANY: Final = ("items", "allOf", "anyOf", "oneOf")
_NAMED: Final = ("properties", "patternProperties", "definitions", "dependencies")
_HOLDERS: Final = frozenset((*_ONE, *_MANY, *_NAMED))
_IN_PLACE: Final = frozenset(
    ["not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependencies"]
)


class TooDeep(Exception):  # noqa: N818 - always caught, and told as a PlanError
    """Schemas stand in each other for more than `DEPTH_MAX` levels, or in a circle."""

    def __init__(self, pointer: Pointer) -> None:
        super().__init__()
        self.pointer = pointer


def escaped(parts: Iterable[object]) -> str:
    """*parts* as a JSON pointer, ``"/properties/a~1b"``."""
    return "".join(
        f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts
    )


def children(schema: Schema) -> Iterator[tuple[Pointer, Schema]]:
    """The schemas that stand directly in *schema*, true and false left out."""
    for key, found in schema.items():
        if key in _NAMED and isinstance(found, Mapping):
            for name, inner in found.items():
                if isinstance(inner, Mapping):
                    yield (key, name), inner
        elif key in _ONE and isinstance(found, Mapping):
            yield (key,), found
        elif key in _MANY and isinstance(found, list | tuple):
            for index, inner in enumerate(found):
                if isinstance(inner, Mapping):
                    yield (key, str(index)), inner


def walk(schema: Schema) -> Iterator[tuple[Pointer, Schema]]:
    """
    *schema* and all schemas in it, however deep, each with the way to it.

    Raises:
        TooDeep: There are more than `DEPTH_MAX` levels.
    """
    waiting: list[tuple[Pointer, int, Schema]] = [((), 0, schema)]
    while waiting:
        pointer, depth, found = waiting.pop()
        if depth > DEPTH_MAX:
            raise TooDeep(pointer)
        yield pointer, found
        if not _HOLDERS.isdisjoint(found):  # most hold no others
            waiting += [
                ((*pointer, *way), depth + 1, inner) for way, inner in children(found)
            ]


def rebuilt(schema: Schema, change: Callable[[Schema], dict[str, Any]]) -> Any:
    """A copy of *schema* in which *change* was made to it and each schema in it."""

    def again(found: Any) -> Any:
        return rebuilt(found, change) if isinstance(found, Mapping) else found

    copy = change(schema)
    for key, found in copy.items():
        if key in _NAMED and isinstance(found, Mapping):
            copy[key] = {name: again(inner) for name, inner in found.items()}
        elif key in _ONE and isinstance(found, Mapping):
            copy[key] = again(found)
        elif key in _MANY and isinstance(found, list | tuple):
            copy[key] = [again(inner) for inner in found]
    return copy


def in_place(schema: Schema, root: Schema) -> Iterator[Schema]:
    """
    The schemas that speak of the same value as *schema*, one step away.

    Beside a ``$ref`` nothing counts, as draft-07 has it.
    """
    if "$ref" in schema:
        target = resolved(schema["$ref"], root)
        if isinstance(target, Mapping):
            yield target
        return
    for way, inner in children(schema):
        if way[0] in _IN_PLACE:
            yield inner


def same_value(schema: Schema, root: Schema) -> list[Schema]:
    """*schema* and all that speak of the same value, each once."""
    found, seen = [schema], {id(schema)}
    for one in found:
        for inner in in_place(one, root):
            if id(inner) not in seen:
                seen.add(id(inner))
                found.append(inner)
    return found


def resolved(ref: object, root: Schema) -> Schema | bool | None:
    """
    The schema that *ref*, a pointer into *root* (``"#/definitions/a"``), leads to.

    True and false are schemas too; None if there is none.
    """
    if not isinstance(ref, str) or not ref.startswith("#"):
        return None
    way = unquote(ref[1:])
    if way and not way.startswith("/"):
        return None
    found: Any = root
    for part in way.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found if isinstance(found, Mapping | bool) else None
