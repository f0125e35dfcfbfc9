"""The classes for the rules of a plan, and for the objects in their properties."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segment_integrations.plan.exporting.form import DIALECT
from segment_integrations.plan.exporting.types import docstring as read_docstring
from segment_integrations.plan.generating.classes import (
    AliasSource,
    ClassSource,
    Field,
    can_be_sent,
    fields_of,
)
from segment_integrations.plan.generating.form import plain
from segment_integrations.plan.generating.names import (
    RESERVED_CLASSES,
    Names,
    class_name,
)
from segment_integrations.plan.generating.text import INDENT, Node, Text, docstring
from segment_integrations.plan.generating.types import Shape, difference, exact
from segment_integrations.plan.names.words import titled
from segment_integrations.plan.rules import FACTS, OLDEST, Rule

_BASES: Final = {
    "TRACK": "Event",
    "IDENTIFY": "Traits",
    "GROUP": "Traits",
    "PAGE": "View",
    "SCREEN": "View",
}
_ORDER: Final = tuple(_BASES)
_TRAITS: Final = {"IDENTIFY": "UserTraits", "GROUP": "GroupTraits"}


def classes_for(
    rules: Iterable[Rule],
) -> tuple[list[ClassSource | AliasSource], list[Rule], dict[str, Any] | None]:
    """
    Make the classes for *rules*, those for all messages left out.

    Returns:
        The classes, each after what it needs, in an order that does not depend on that
        of the rules; the rules that no class can be made for; and the form of the
        others, if it is not that of classes.
    """
    maker = _Maker()
    ordered = sorted(
        (rule for rule in rules if rule.type in _BASES),
        key=lambda rule: (_ORDER.index(rule.type), rule.key, -rule.version),
    )
    bare, form = plain(rule for rule in ordered if _can_be_named(rule))
    for rule, name in maker.named(bare):
        maker.add(rule, name)
    unsaid = [rule for rule in ordered if not _can_be_named(rule)]
    return maker.sources, unsaid, form.document()


def _can_be_named(rule: Rule) -> bool:
    return not rule.key or bool(rule.key.strip())


class _Maker:
    """Gives classes their names, and keeps their sources."""

    def __init__(self) -> None:
        self.sources: list[ClassSource | AliasSource] = []
        self._names = Names(RESERVED_CLASSES, "Event")

    def named(self, rules: list[Rule]) -> Iterator[tuple[Rule, str]]:
        """
        *rules* with the names of their classes, of which the newest has the plain one.

        Names are given first to what is in Title Case, then to older versions, and last
        to objects, so that few additions to a plan rename what was there before.
        """
        newest: dict[tuple[str, str], Rule] = {}
        for rule in rules:
            newest.setdefault((rule.type, rule.key), rule)
        plain = {
            (type_, key): self._names.give(_wanted(type_, key), f"{type_} {key}")
            for type_, key in sorted(
                newest,
                key=lambda one: (_ORDER.index(one[0]), titled(one[1]) != one[1], one),
            )
        }
        older = {
            id(rule): self._names.give(
                f"{plain[rule.type, rule.key]}V{rule.version}",
                f"{rule.type} {rule.version} {rule.key}",
            )
            for rule in rules
            if newest[rule.type, rule.key] is not rule
        }
        for rule in rules:
            yield rule, older.get(id(rule)) or plain[rule.type, rule.key]

    def add(self, rule: Rule, name: str) -> None:
        """Make the class *name* for *rule*."""
        shapes = self._shapes(rule.planned, name)
        fields, keywords = fields_of(shapes, _required(rule.facts))
        doc = rule.description.split("\n\n")
        over = _laid_over(rule, fields, _read_back(doc))
        self.sources.append(
            ClassSource(
                name=name,
                base=_BASES[rule.type],
                keywords={**_said(rule), **keywords, **over},
                doc=doc,
                comment="Deprecated in the plan." if rule.is_deprecated else "",
                fields=fields,
            )
        )

    def _shapes(self, properties: Mapping[str, Any], place: str) -> dict[str, Shape]:
        """The annotations of those *properties* that can be fields, by their names."""
        shapes: dict[str, Shape] = {}
        for wire in sorted(properties):  # which name a class gets must not depend on it
            schema = properties[wire]
            if isinstance(schema, Mapping) and can_be_sent(wire):
                shape = exact(schema, f"{place} {wire}", self)
                if shape is not None:
                    shapes[wire] = shape
        return {wire: shapes[wire] for wire in properties if wire in shapes}

    def alias(self, node: Node, place: str) -> Node:
        """A name for the literals *node*, which stands above the class."""
        name = self._names.give(class_name(place, "Values"), place)
        self.sources.append(AliasSource(name=name, node=node))
        return Text(name)

    def struct(self, schema: Mapping[str, Any], place: str) -> Shape | None:
        """The class for an object with properties; None if one can't be a field."""
        count = len(self.sources)
        shapes = self._shapes(schema["properties"], place)
        if len(shapes) < len(schema["properties"]):
            del self.sources[count:]
            return None
        fields, keywords = fields_of(shapes, _required(schema))
        name = self._names.give(class_name(place, "Object"), place)
        keywords = {"kw_only": True, **keywords}
        self.sources.append(
            ClassSource(
                name=name, base="Struct", keywords=keywords, doc=(), fields=fields
            )
        )
        return Shape(Text(name), _exported(fields))


def _wanted(type_: str, key: str) -> str:
    if type_ in _TRAITS:
        return _TRAITS[type_]
    if type_ == "TRACK":
        return class_name(key, "Event")
    view = type_.capitalize()
    if not key:
        return f"Any{view}"
    name = class_name(key, view)
    return name if name.endswith(view) else f"{name}{view}"


def _required(schema: Mapping[str, Any]) -> list[str]:
    found = schema.get("required")
    return found if isinstance(found, list) else []


def _said(rule: Rule) -> dict[str, Any]:
    """The keywords that say which rule it is."""
    call = {} if rule.type == "TRACK" else {"call": rule.type.lower()}
    name = {"name": rule.key} if rule.key else {}
    version = {"version": rule.version} if rule.version != OLDEST else {}
    labels = {"labels": dict(sorted(rule.labels.items()))} if rule.labels else {}
    return {**call, **name, **version, **labels}


def _read_back(doc: Iterable[str]) -> str:
    """What a class with the docstring *doc* will be described by."""
    source = docstring(doc, INDENT).strip()
    text = ast.literal_eval(source) if source else None
    return read_docstring(type("Read", (), {"__doc__": text}))


def _exported(fields: Iterable[Field]) -> dict[str, Any]:
    """What a class with *fields* is exported as."""
    required = [field.wire for field in fields if field.is_required]
    properties = {field.wire: field.shape.schema for field in fields}
    return {
        "type": "object",
        **({"properties": properties} if properties else {}),
        **({"required": required} if required else {}),
    }


def _laid_over(rule: Rule, fields: Iterable[Field], doc: str) -> dict[str, Any]:
    """The `facts` and `message` that make the class of *rule* say all of it."""
    place = FACTS[rule.type]
    inner = _exported(fields)
    facts = rule.facts
    got = {
        "$schema": DIALECT,
        **({"description": doc} if doc else {}),
        "type": "object",
        "properties": {place: facts or inner},
    }
    over = {
        "facts": _joined(inner, facts) if facts else {},
        "message": _joined(got, rule.schema),
    }
    return {key: found for key, found in over.items() if found}


def _joined(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """As `difference`, but of the properties only those that differ."""
    over = difference(got, wanted)
    below, above = got.get("properties"), over.get("properties")
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        over["properties"] = difference(below, above)
    return over
