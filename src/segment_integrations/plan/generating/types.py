"""
Annotations for JSON Schemas, and what `exporting` will make of them.

That is what makes the round trip exact: where the schema that will be exported differs
from the plan's, the difference goes into ``extra_json_schema``. There, None takes away
a keyword that the annotation has and the plan has not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from segment_integrations.plan.generating.patterns import may_explode
from segment_integrations.plan.generating.text import (
    NONE,
    Node,
    Text,
    call,
    either,
    literal,
    subscript,
    width,
)

_INT_END: Final = 2**63
"""Numbers from here on are none for msgspec."""

_LENGTH_END: Final = 2**31

_TEXT: Final = {"minLength": "min_length", "maxLength": "max_length"}
_LIST: Final = {"minItems": "min_length", "maxItems": "max_length"}
_BOUNDS: Final = (
    ("minimum", "ge"),
    ("exclusiveMinimum", "gt"),
    ("maximum", "le"),
    ("exclusiveMaximum", "lt"),
    ("multipleOf", "multiple_of"),
)
"""In this order, as msgspec takes only one bound on each side."""

_SIDES: Final = {"gt": "ge", "lt": "le"}
_ORDER: Final = ("string", "integer", "number", "boolean", "array", "object", "null")
"""
How the types of a union are written, always the same: `typing` takes two unions that
differ in nothing else for one.
"""

_UNORDERED: Final = frozenset({"enum", "required", "type"})
"""Keywords whose lists are sets."""


@dataclass(frozen=True, slots=True)
class Shape:
    """
    An annotation.

    Args:
        node: Its source.
        schema: What it is exported as, with its `Meta`.
        meta: The arguments of its `Meta`, which is not in *node* yet.
    """

    node: Node
    schema: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)

    def closed(self) -> Node:
        """Its source with its `Meta`."""
        if not self.meta:
            return self.node
        arguments = {key: literal(value) for key, value in self.meta.items()}
        return subscript("Annotated", self.node, call("Meta", **arguments))

    def over(self, schema: Mapping[str, Any]) -> Shape | None:
        """The same, exported as *schema*; None if nothing can make it so."""
        if same("", self.schema, schema):
            return self
        if any(schema.get(key, self) is None for key in self.schema):
            return None
        extra = difference(self.schema, schema)
        words = {name: extra.pop(name) for name in _WORDS if _is_text(extra.get(name))}
        more = {"extra_json_schema": extra} if extra else {}
        return replace(self, schema=schema, meta={**self.meta, **words, **more})


_WORDS: Final = ("title", "description")

ANY: Final = Shape(Text("Any"), {})
_NONE: Final = Shape(NONE, {"type": "null"})
_OBJECT: Final = Shape(subscript("dict", Text("str"), Text("Any")), {"type": "object"})

_INLINE_MAX: Final = 8
_INLINE_WIDTH: Final = 60
"""An enum of more values, or of more columns, gets a name of its own."""


class Namer(Protocol):
    """Writes what an annotation needs beside itself. Both are given its path."""

    def struct(self, schema: Mapping[str, Any], place: str) -> Shape | None:
        """The class for an object's schema, or None if it can be none."""

    def alias(self, node: Node, place: str) -> Node:
        """A name for *node*."""


def exact(schema: Mapping[str, Any], place: str, namer: Namer) -> Shape | None:
    """
    The annotation that is exported as *schema*.

    Args:
        schema: Of one property, or of the items of a list.
        place: The property's path, for the names of classes.
        namer: Makes classes of objects, and names for long enums.

    Returns:
        The annotation; None if there is none.
    """
    return (_of_kinds(schema, place, namer) or ANY).over(schema)


def difference(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be laid over the schema *got* to make it *wanted*."""
    gone = dict.fromkeys(key for key in got if key not in wanted)
    other = {
        key: value
        for key, value in wanted.items()
        if key not in got or not same(key, got[key], value)
    }
    return {**gone, **other}


def same(key: str, one: Any, other: Any) -> bool:
    """Whether two values of the keyword *key* say the same, in the same types."""
    if one is other:
        return True
    if isinstance(one, str) or isinstance(other, str):
        return type(one) is type(other) and bool(one == other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            same(name, one[name], other[name]) for name in one
        )
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        if key in _UNORDERED:
            return sorted(map(repr, one)) == sorted(map(repr, other))
        return len(one) == len(other) and all(
            same("", *pair) for pair in zip(one, other, strict=True)
        )
    return type(one) is type(other) and bool(one == other)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _of_kinds(schema: Mapping[str, Any], place: str, namer: Namer) -> Shape | None:
    if "const" in schema:
        return _literals([schema["const"]], place, namer)
    if isinstance(schema.get("enum"), Sequence):
        return _literals(schema["enum"], place, namer)
    kinds = schema.get("type", ())
    if isinstance(kinds, str):
        return _of_kind(kinds, schema, place, namer)
    if not kinds or not set(kinds) <= set(_ORDER):
        return None
    return _union(
        [
            shape
            for kind in _ORDER
            if kind in kinds and (shape := _of_kind(kind, schema, place, namer))
        ]
    )


def _of_kind(
    kind: str, schema: Mapping[str, Any], place: str, namer: Namer
) -> Shape | None:
    if kind == "array":
        return _array(schema, place, namer)
    if kind == "object":
        fields = schema.get("properties")
        has_fields = isinstance(fields, Mapping) and bool(fields)
        return (namer.struct(schema, place) if has_fields else None) or _OBJECT
    make = _KINDS.get(kind)
    return make(schema) if make else None


def _union(shapes: list[Shape]) -> Shape | None:
    """The annotation of one of *shapes*; None if it is exported otherwise."""
    if len(shapes) == 1:
        return shapes[0]
    joined: dict[str, Any] = {}
    for shape in shapes:
        own = {key: found for key, found in shape.schema.items() if key != "type"}
        if own.keys() & joined.keys():
            return None
        joined |= own
    kinds = [shape.schema["type"] for shape in shapes]
    if {"integer", "number"} <= set(kinds) and joined.keys() & dict(_BOUNDS).keys():
        return None
    return Shape(
        either(*(shape.closed() for shape in shapes)), {"type": kinds, **joined}
    )


def _literals(values: Sequence[Any], place: str, namer: Namer) -> Shape | None:
    """The annotation of one of *values*; None if one can't be in a `Literal`."""
    names = {str: "string", int: "integer", type(None): "null"}
    if not values or any(type(value) not in names for value in values):
        return None
    if any(isinstance(value, int) and abs(value) >= _INT_END for value in values):
        return None
    unique = list(dict.fromkeys(values))
    if unique == [None]:
        return _NONE
    kinds = list(dict.fromkeys(names[type(value)] for value in unique))
    schema = {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": unique}
    said = [value for value in unique if value is not None]
    node: Node = subscript("Literal", *map(literal, said))
    if len(said) > _INLINE_MAX or width(node.flat) > _INLINE_WIDTH:
        node = namer.alias(node, place)
    return Shape(node if len(said) == len(unique) else either(node, NONE), schema)


def _text(schema: Mapping[str, Any]) -> Shape:
    if schema.get("format") == "date-time":
        return Shape(Text("datetime"), {"type": "string", "format": "date-time"})
    words = [word for word in _TEXT if _is_length(schema.get(word))]
    meta = {_TEXT[word]: schema[word] for word in words}
    # One that may take long is left to the plan's check, which gives it up in time.
    if _compiles(schema.get("pattern")) and not may_explode(schema["pattern"]):
        words.append("pattern")
        meta["pattern"] = schema["pattern"]
    return Shape(Text("str"), _picked("string", schema, words), meta)


def _picked(
    kind: str, schema: Mapping[str, Any], words: Sequence[str]
) -> dict[str, Any]:
    return {"type": kind, **{word: schema[word] for word in words}}


def _compiles(pattern: Any) -> bool:
    try:
        return isinstance(pattern, str) and bool(re.compile(pattern))
    except (re.error, OverflowError, RecursionError):
        return False


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LENGTH_END


def _number(
    kind: str, source: str, types: tuple[type, ...], schema: Mapping[str, Any]
) -> Shape:
    meta: dict[str, Any] = {}
    words: list[str] = []
    for word, ours in _BOUNDS:
        value: Any = schema.get(word)
        if type(value) not in types or not -_INT_END < value < _INT_END:
            continue
        if _SIDES.get(ours) in meta or (ours == "multiple_of" and value <= 0):
            continue
        meta[ours] = value
        words.append(word)
    return Shape(Text(source), _picked(kind, schema, words), meta)


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], Shape]]] = {
    "string": _text,
    "integer": lambda schema: _number("integer", "int", (int,), schema),
    "number": lambda schema: _number("number", "float", (int, float), schema),
    "boolean": lambda _schema: Shape(Text("bool"), {"type": "boolean"}),
    "null": lambda _schema: _NONE,
}


def _array(schema: Mapping[str, Any], place: str, namer: Namer) -> Shape:
    items = schema.get("items")
    inner = None
    if isinstance(items, Mapping) and items:
        inner = exact(items, f"{place} item", namer)
    words = [word for word in _LIST if _is_length(schema.get(word))]
    said = _picked("array", schema, words)
    return Shape(
        subscript("list", (inner or ANY).closed()),
        {**said, **({"items": inner.schema} if inner else {})},
        {_LIST[word]: schema[word] for word in words},
    )
