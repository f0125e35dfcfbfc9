"""The source of a class: its head, its docstring and its fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec

from segment_integrations.plan.generating.names import (
    RESERVED_ATTRIBUTES,
    Names,
    attribute_name,
)
from segment_integrations.plan.generating.text import (
    COLUMNS,
    INDENT,
    Group,
    Node,
    Quoted,
    Text,
    call,
    docstring,
    either,
    laid_out,
    literal,
    names_in,
    width,
)
from segment_integrations.plan.generating.types import Shape

_UNSET: Final = Text("UNSET")
_REFUSED: Final = re.compile('["\\\\\\x00-\\x1f\\ud800-\\udfff]')
"""What must not be in the name of a field. Source: msgspec, "Renaming fields"."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """
    One field of a class.

    Args:
        attribute: Its name in Python.
        wire: Its name in the plan.
        shape: Its annotation, without ``UnsetType``.
        is_required: Whether it has no default.
        is_named: Whether *wire* has to be given, as it does not follow from
            *attribute*.
    """

    attribute: str
    wire: str
    shape: Shape
    is_required: bool
    is_named: bool = False

    @cached_property
    def annotation(self) -> Node:
        """The annotation's source."""
        node = self.shape.closed()
        return node if self.is_required else either(node, Text("UnsetType"))

    @property
    def value(self) -> Node | None:
        """What stands behind the ``=``, as source."""
        given: dict[str, Node] = {} if self.is_required else {"default": _UNSET}
        if self.is_named:
            return call("field", name=Quoted(self.wire), **given)
        return given.get("default")

    @property
    def source(self) -> str:
        """The line, or lines, of it."""
        lead = f"{self.attribute}: "
        annotation, value = self.annotation, self.value
        end = f" = {value.flat}" if value else ""
        if width(f"{INDENT}{lead}{annotation.flat}{end}") <= COLUMNS:
            return f"{INDENT}{lead}{annotation.flat}{end}"
        inner = INDENT * 2
        start = f"{INDENT}{lead}{annotation.flat} = "
        if isinstance(value, Group) and width(start + value.opening) <= COLUMNS:
            return start + laid_out(value, INDENT, COLUMNS)
        if value and width(f"{start}(") <= COLUMNS:
            return f"{start}(\n{inner}{laid_out(value, inner)}\n{INDENT})"
        if value and isinstance(annotation, Text):
            return start + laid_out(value, INDENT, COLUMNS)
        if isinstance(annotation, Group):
            text = laid_out(annotation, INDENT, COLUMNS)
        else:
            text = f"(\n{inner}{laid_out(annotation, inner)}\n{INDENT})"
        if value is None:
            return f"{INDENT}{lead}{text}"
        last = text.rpartition("\n")[2].removeprefix(INDENT)
        return f"{INDENT}{lead}{text} = {laid_out(value, INDENT, width(last) + 3)}"


@dataclass(frozen=True, kw_only=True)
class ClassSource:
    """
    One class.

    Args:
        name: Its name.
        base: The class that it is made from.
        keywords: What stands behind the base in the head, as values.
        doc: The paragraphs of its docstring.
        comment: A line above it, or "".
        fields: In the order in which they are written.
    """

    name: str
    base: str
    keywords: Mapping[str, Any]
    doc: Sequence[str]
    comment: str = ""
    fields: tuple[Field, ...]

    @cached_property
    def source(self) -> str:
        """The source of it, which ends with a newline."""
        items = (
            ("", Text(self.base)),
            *((f"{key}=", literal(value)) for key, value in self.keywords.items()),
        )
        head = Group(f"class {self.name}(", items, ")")
        lines = [f"# {self.comment}"] if self.comment else []
        lines.append(f"{laid_out(head, '', 0, 1)}:")
        if any(paragraph.strip() for paragraph in self.doc):
            lines += [docstring(self.doc, INDENT), ""]
        elif not self.fields:
            lines.append(f"{INDENT}pass")
        lines += [field.source for field in self.fields]
        return "\n".join(lines).rstrip() + "\n"

    @property
    def names(self) -> Iterable[str]:
        """What has to be imported for it."""
        yield self.base
        for field in self.fields:
            yield from names_in(field.annotation)
            if field.value:
                yield from names_in(field.value)


@dataclass(frozen=True, kw_only=True)
class AliasSource:
    """A name for a type that is too long for a field."""

    name: str
    node: Node

    @property
    def source(self) -> str:
        """The source of it, which ends with a newline."""
        lead = f"{self.name} = "
        return f"{lead}{laid_out(self.node, '', len(lead))}\n"

    @property
    def names(self) -> Iterable[str]:
        """What has to be imported for it."""
        return names_in(self.node)


def can_be_sent(wire: str) -> bool:
    """Whether msgspec takes *wire* as the name of a field."""
    return not _REFUSED.search(wire)


def fields_of(
    shapes: Mapping[str, Shape], required: Iterable[str]
) -> tuple[tuple[Field, ...], dict[str, Any]]:
    """
    The fields for properties, and the keywords of the class that they need.

    Args:
        shapes: The annotations by the names in the plan, in its order.
        required: The names of those that must be there.
    """
    needed = set(required)
    names = Names(RESERVED_ATTRIBUTES, "_")
    # A name that is one in Python keeps it, whatever else there is.
    first = sorted(shapes, key=lambda wire: (attribute_name(wire) != wire, wire))
    attributes = {wire: names.give(attribute_name(wire), wire) for wire in first}
    camels = _camels(attributes)
    uses_camels = any(
        camels[wire] == wire != attributes[wire] for wire in first
    ) and all(camels[wire] == wire for wire in first if attributes[wire] == wire)
    follows = camels if uses_camels else attributes
    fields = [
        Field(
            attribute=attributes[wire],
            wire=wire,
            shape=shape,
            is_required=wire in needed,
            is_named=wire != follows[wire],
        )
        for wire, shape in shapes.items()
    ]
    fields.sort(key=lambda field: not field.is_required)  # the plan's order stays
    return tuple(fields), {"rename": "camel"} if uses_camels else {}


def _camels(attributes: Mapping[str, str]) -> dict[str, str]:
    """What ``rename="camel"`` makes of the attributes, by the names in the plan."""
    made = msgspec.defstruct("Renamed", list(attributes.values()), rename="camel")
    return dict(zip(attributes, made.__struct_encode_fields__, strict=True))
