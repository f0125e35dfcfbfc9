"""
JSON Schema, draft-07 and without ``$ref``, for the annotations of typed events.

msgspec makes schemas too, but of a later draft and with references, which Protocols
does not read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from msgspec import inspect as kinds

__all__ = ["Circle", "docstring", "json_schema", "laid_over", "object_schema"]

_WRAPPED: Final = re.compile(r"(\S)\n(?=[^\W\d_])")
"""Where a line of text ends and the next one begins with a letter."""

_NUMERIC: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "null": frozenset(),
    "boolean": frozenset(),
    "integer": _NUMERIC,
    "number": _NUMERIC,
    "string": frozenset(
        {"minLength", "maxLength", "pattern", "format", "contentEncoding"}
    ),
    "array": frozenset({"items", "additionalItems", "minItems", "maxItems"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "propertyNames"}
        | {"minProperties", "maxProperties"}
    ),
}
"""Keywords that hold for values of one type only, so that types can stand in a list."""

_WORDS: Final = frozenset({"title", "description", "examples"})
"""Keywords that only people read."""

_FORMATS: Final[Mapping[type, str]] = {
    kinds.DateTimeType: "date-time",
    kinds.DateType: "date",
    kinds.TimeType: "time",
    kinds.TimeDeltaType: "duration",
    kinds.UUIDType: "uuid",
    kinds.DecimalType: "decimal",
}
"""What goes over the wire as a text. Source: msgspec, "Supported types"."""

_BOUNDS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_TEXT: Final = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
_LIST: Final = {"min_length": "minItems", "max_length": "maxItems"}
_DICT: Final = {"min_length": "minProperties", "max_length": "maxProperties"}

_SIMPLE: Final[Mapping[type, str]] = {
    kinds.NoneType: "null",
    kinds.BoolType: "boolean",
    kinds.IntType: "integer",
    kinds.FloatType: "number",
    kinds.StrType: "string",
}
_NAMES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
}


class Circle(Exception):  # noqa: N818 - caught where the class at fault is known
    """A class holds itself; the text is its name."""


def json_schema(annotation: object) -> dict[str, Any]:
    """
    The schema of the values of *annotation*, as they are on the wire.

    Raises:
        Circle: A class in it holds itself.
        TypeError: It is no annotation that msgspec knows.
        NameError: A class in it has an annotation that names nothing.
    """
    return _Writer(()).schema(kinds.type_info(annotation), _order(annotation))


def object_schema(of: type) -> dict[str, Any]:
    """
    The schema of the fields of the class *of*, without a description.

    Raises:
        Exception: As `json_schema`.
    """
    found = kinds.type_info(of)
    assert isinstance(found, kinds.StructType)  # noqa: S101 - callers give a Struct
    return _Writer((of,)).fields(found)


def docstring(of: type) -> str:
    """
    The docstring that *of* has of its own, as one text.

    A line that only goes on with the one before it is joined to that: the width of the
    source says nothing. Lists, indented lines and empty ones stay.
    """
    own = of.__dict__.get("__doc__")
    if not isinstance(own, str):
        return ""
    return _WRAPPED.sub(r"\1 ", inspect.cleandoc(own).strip())


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """
    *below* with the keywords of *above*; their ``properties`` are joined by name.

    None in *above* takes away what *below* has: ``{"type": None}``.
    """
    result = _kept(below, above)
    known, more = below.get("properties"), above.get("properties")
    if isinstance(known, Mapping) and isinstance(more, Mapping):
        result["properties"] = _kept(known, more)
    return result


def _kept(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    # None is no value of a keyword that annotations have, so that it may take one away.
    gone = {name for name in below if above.get(name, below) is None}
    joined = {**below, **above}
    return {name: value for name, value in joined.items() if name not in gone}


class _Writer:
    """Writes schemas inside of the classes *around*."""

    def __init__(self, around: tuple[type, ...]) -> None:
        self._around = around

    def schema(  # noqa: C901 - one table of types
        self, of: kinds.Type, order: Sequence[object]
    ) -> dict[str, Any]:
        """The schema of *of*, with the values of literals in *order*."""
        kind = type(of)
        if kind in _SIMPLE:
            words = _TEXT if kind is kinds.StrType else _BOUNDS
            return {"type": _SIMPLE[kind], **_keywords(of, words)}
        if kind in _FORMATS:
            return {"type": "string", "format": _FORMATS[kind]}
        match of:
            case kinds.Metadata():
                return _kept(self.schema(of.type, order), of.extra_json_schema or {})
            case kinds.UnionType():
                return _union([self.schema(one, order) for one in of.types])
            case kinds.LiteralType():
                return _enum(sorted(of.values, key=_place_in(order)))
            case kinds.EnumType():
                return _enum([one.value for one in of.cls])
            case kinds.ListType() | kinds.VarTupleType() | kinds.CollectionType():
                return self._list(of, of.item_type, order)
            case kinds.SetType() | kinds.FrozenSetType():
                return self._list(of, of.item_type, order)
            case kinds.TupleType():
                return self._row(of.item_types, order)
            case kinds.DictType():
                return self._dict(of, order)
            case kinds.StructType() | kinds.TypedDictType() | kinds.DataclassType():
                return self._object(of)
            case kinds.BytesType() | kinds.ByteArrayType() | kinds.MemoryViewType():
                return {"type": "string", "contentEncoding": "base64"}
        return {}

    def _list(
        self, of: kinds.Type, item: kinds.Type, order: Sequence[object]
    ) -> dict[str, Any]:
        items = self.schema(item, order)
        return {
            "type": "array",
            **({"items": items} if items else {}),
            **_keywords(of, _LIST),
        }

    def _row(
        self,
        items: Iterable[kinds.Type],
        order: Sequence[object],
        needed: int | None = None,
    ) -> dict[str, Any]:
        row = [self.schema(item, order) for item in items]
        return {
            "type": "array",
            "items": row,
            "minItems": len(row) if needed is None else needed,
            "maxItems": len(row),
        }

    def _dict(self, of: kinds.DictType, order: Sequence[object]) -> dict[str, Any]:
        names = self.schema(of.key_type, order)
        values = self.schema(of.value_type, order)
        is_limited = names.get("type") == "string" and len(names) > 1
        return {
            "type": "object",
            **({"propertyNames": names} if is_limited else {}),
            **({"additionalProperties": values} if values else {}),
            **_keywords(of, _DICT),
        }

    def _object(
        self, of: kinds.StructType | kinds.TypedDictType | kinds.DataclassType
    ) -> dict[str, Any]:
        if of.cls in self._around:
            raise Circle(of.cls.__qualname__)
        inside = _Writer((*self._around, of.cls))
        said = docstring(of.cls)
        is_generated = said.startswith(f"{of.cls.__name__}(")  # by dataclasses
        described = {"description": said} if said and not is_generated else {}
        if isinstance(of, kinds.StructType) and of.array_like:
            needed = sum(field.required for field in of.fields)
            row = inside._row([field.type for field in of.fields], (), needed)
            return {**row, **described}
        return {**inside.fields(of), **described}

    def fields(
        self, of: kinds.StructType | kinds.TypedDictType | kinds.DataclassType
    ) -> dict[str, Any]:
        """The schema of an object with the fields of *of*."""
        hints = get_type_hints(of.cls, include_extras=True)
        properties: dict[str, Any] = {}
        required: list[str] = []
        if isinstance(of, kinds.StructType) and of.tag_field is not None:
            properties[of.tag_field] = _enum([of.tag])
            required.append(of.tag_field)
        for field in of.fields:
            hint = hints.get(field.name)
            properties[field.encode_name] = self.schema(field.type, _order(hint))
            if field.required:
                required.append(field.encode_name)
        is_closed = getattr(of, "forbid_unknown_fields", False)
        return {
            "type": "object",
            "properties": properties,
            **({"required": required} if required else {}),
            **({"additionalProperties": False} if is_closed else {}),
        }


def _keywords(of: kinds.Type, words: Mapping[str, str]) -> dict[str, Any]:
    return {
        theirs: value
        for ours, theirs in words.items()
        if (value := getattr(of, ours, None)) is not None
    }


def _enum(values: Sequence[Any]) -> dict[str, Any]:
    names = list(dict.fromkeys(_NAMES.get(type(value), "") for value in values))
    typed = {"type": names[0] if len(names) == 1 else names} if all(names) else {}
    return {**typed, "enum": list(values)}


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema with a list of types where that says the same, else ``anyOf``."""
    rest = [one for one in schemas if one != {"type": "null"}]
    if len(rest) == 1 and len(schemas) > 1 and "enum" in rest[0]:
        return _nullable_enum(rest[0]) or {"anyOf": schemas}
    names: list[str] = []
    joined: dict[str, Any] = {}
    for one in schemas:
        name = one.get("type")
        own = one.keys() - {"type"}
        if not isinstance(name, str) or name in names or own & joined.keys():
            return {"anyOf": schemas}
        if own - _OF_TYPE[name] - (_WORDS if len(rest) == 1 else set()):
            return {"anyOf": schemas}
        names.append(name)
        joined.update((key, one[key]) for key in one if key != "type")
    if {"integer", "number"} <= set(names) and joined.keys() & _NUMERIC:
        return {"anyOf": schemas}
    return {"type": names, **joined}


def _nullable_enum(schema: dict[str, Any]) -> dict[str, Any] | None:
    name = schema.get("type")
    names = [name] if isinstance(name, str) else name
    if not names or schema.keys() - _WORDS - {"type", "enum"}:
        return None
    if "null" in names:
        return schema
    return {**schema, "type": [*names, "null"], "enum": [*schema["enum"], None]}


def _order(annotation: object) -> list[object]:
    """The values of the literals in *annotation*, as written; msgspec sorts them."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [value for part in get_args(annotation) for value in _order(part)]


def _place_in(order: Sequence[object]) -> Any:
    places = {(type(value), value): place for place, value in enumerate(order)}
    return lambda value: places.get((type(value), value), len(places))
