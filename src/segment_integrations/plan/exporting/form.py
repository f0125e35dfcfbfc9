"""
How a plan writes what says nothing, so that no class has to.

Segment's API gives each property an ``id`` that is its path and often an empty
description, and each rule the same empty ``context`` and ``traits``. A `Form` says once
which of these a plan has, and lays them over the schemas of classes. None of it changes
what a message breaks, but for ``facts_required``: it asks for the properties themselves
where some of them are required, as Segment's editor does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from segment_integrations.errors import PlanError
from segment_integrations.plan.loading.nesting import MESSAGE_PARTS
from segment_integrations.plan.loading.walk import escaped
from segment_integrations.plan.rules import FACTS, Rule

__all__ = [
    "DIALECT",
    "KINDS",
    "PLAIN",
    "WORDS",
    "Form",
    "Id",
    "Spot",
    "form_of",
    "visited",
]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""What classes are exported in."""

KINDS: Final = ("message", "facts", "property", "nested", "item")
"""
What a schema may be of: a message, its properties or traits as a whole, one of them, a
property of an object in them, the items of a list.
"""

Id = tuple[str, str, int]
"""Which rule: its type, key and version."""


@dataclass(frozen=True, slots=True)
class Spot:
    """
    A schema in a rule, and where it stands.

    Args:
        kind: One of `KINDS`.
        path: The keys that lead to it from the rule's schema.
        place: Where the rule's facts are: ``"properties"`` or ``"traits"``.
        schema: A copy that may be changed.
        parts: What the other parts of a message are where they say nothing.
    """

    kind: str
    path: tuple[str, ...]
    place: str
    schema: dict[str, Any]
    parts: Mapping[str, Any]

    @property
    def pointer(self) -> str:
        """The JSON pointer of it, in the rule's schema."""
        return escaped(self.path)

    @property
    def id(self) -> str:
        """The ``id`` that Segment gives it."""
        return "".join(f"/{part}" for part in self.path)

    def has(self, word: str) -> bool | None:
        """Whether it has the noise *word*; None if it can't, or says more there."""
        return _has(self, word)

    def make(self, word: str, *, wanted: bool) -> None:
        """Add the noise *word*, or take it away; only where `has` is not None."""
        if word == "type_in_list":
            kind = self.schema["type"]
            self.schema["type"] = [kind] if wanted else kind[0]
        elif word in MESSAGE_PARTS:
            self.schema["properties"] = dict(self.schema["properties"])
            _put(self.schema["properties"], word, self.parts[word], wanted=wanted)
        elif word == "facts_required":
            _put(self.schema, "required", [self.place], wanted=wanted)
        elif word == "no_dialect":
            _put(self.schema, "$schema", DIALECT, wanted=not wanted)
        elif word == "path_as_id":
            _put(self.schema, "id", self.id, wanted=wanted)
        else:
            key, empty = _EMPTY[word]
            _put(self.schema, key, empty(), wanted=wanted)


_EMPTY: Final[Mapping[str, tuple[str, Callable[[], Any]]]] = {
    "empty_description": ("description", str),
    "empty_properties": ("properties", dict),
    "empty_required": ("required", list),
}
_BELOW: Final = frozenset(KINDS) - {"message"}
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "empty_description": frozenset(KINDS),
    "empty_properties": _BELOW,
    "empty_required": _BELOW,
    "facts_required": frozenset({"message"}),
    "no_dialect": frozenset({"message"}),
    "path_as_id": _BELOW,
    "type_in_list": frozenset(KINDS),
}
"""
The noise, and the kinds of schemas that have it.

``facts_required`` is the ``required`` of a message whose facts have one, and
``no_dialect`` that it has no ``$schema``.
"""


def _put(schema: dict[str, Any], key: str, value: Any, *, wanted: bool) -> None:
    if wanted:
        schema[key] = value
    else:
        del schema[key]


def _has(spot: Spot, word: str) -> bool | None:
    schema = spot.schema
    if word in MESSAGE_PARTS:
        known = schema.get("properties")
        if word == spot.place or word not in spot.parts or type(known) is not dict:
            return None
        return _is(known, word, spot.parts[word])
    if spot.kind not in WORDS[word]:
        return None
    if word == "type_in_list":
        return _is_one(schema.get("type"))
    if word == "facts_required":
        facts = schema.get("properties")
        inner = facts.get(spot.place) if isinstance(facts, Mapping) else None
        needs = inner.get("required") if isinstance(inner, Mapping) else None
        return _is(schema, "required", [spot.place]) if needs else None
    if word == "no_dialect":
        has = _is(schema, "$schema", DIALECT)
        return None if has is None else not has
    if word == "path_as_id":
        return _is(schema, "id", spot.id)
    key, empty = _EMPTY[word]
    if key != "description" and spot.kind != "facts":
        kinds = schema.get("type")
        if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
            return None
    return _is(schema, key, empty())


def _is_one(kinds: Any) -> bool | None:
    """Whether *kinds* is a list of one type; None for none and for several."""
    if isinstance(kinds, str):
        return False
    return True if isinstance(kinds, list) and len(kinds) == 1 else None


def _is(schema: Mapping[str, Any], key: str, value: Any) -> bool | None:
    if key not in schema:
        return False
    found = schema[key]
    return True if type(found) is type(value) and found == value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """
    What of the noise a plan has.

    Args:
        words: Which of `WORDS` on which of `KINDS`.
        parts: The parts of a message, beside its facts, that each rule has, and what
            they are there.
        but: Where a rule is otherwise: the pointers by word.
    """

    words: frozenset[tuple[str, str]] = frozenset({("empty_properties", "facts")})
    parts: Mapping[str, Any] = field(default_factory=dict)
    but: Mapping[Id, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def over(self, rule: Rule) -> Rule:
        """*rule*, which a class made, with the noise that the plan has."""
        if self == PLAIN:
            return rule
        but = self.but.get((rule.type, rule.key, rule.version), {})

        def visit(spot: Spot) -> None:
            for word in (*WORDS, *self.parts):
                has = spot.has(word)
                usual = word in self.parts or (word, spot.kind) in self.words
                wanted = usual != (spot.pointer in but.get(word, ()))
                if has is not None and has != wanted:
                    spot.make(word, wanted=wanted)

        return visited(rule, visit, self.parts)

    def document(self) -> dict[str, Any] | None:
        """The same as JSON, which `form_of` reads; None for `PLAIN`."""
        if self == PLAIN:
            return None
        said: dict[str, Any] = {
            word: [kind for kind in KINDS if (word, kind) in self.words]
            for word in WORDS
        }
        but = [
            {
                "type": type_,
                "key": key,
                "version": version,
                **{word: sorted(words[word]) for word in words},
            }
            for (type_, key, version), words in sorted(self.but.items())
        ]
        said |= {"parts": dict(self.parts), "but": but}
        return {key: found for key, found in said.items() if found}


PLAIN: Final = Form()
"""The form of what classes are exported as."""


def form_of(document: Mapping[str, Any]) -> Form:
    """
    The form that a generated module keeps in its ``PLAN``.

    Raises:
        PlanError: It is of another version of this library.
    """
    try:
        given = dict(document)
        but = {
            (one["type"], one["key"], one["version"]): {
                word: frozenset(one[word])
                for word in one.keys() - {"type", "key", "version"}
            }
            for one in given.pop("but", ())
        }
        parts = dict(given.pop("parts", {}))
        words = frozenset((word, kind) for word in given for kind in given[word])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(f"form is not of this version: {error!r}") from error
    if not given.keys() <= WORDS.keys() or not parts.keys() <= MESSAGE_PARTS:
        raise PlanError(f"form is not of this version: it knows {', '.join(WORDS)}")
    return Form(words=words, parts=parts, but=but)


def visited(
    rule: Rule, visit: Callable[[Spot], None], parts: Mapping[str, Any]
) -> Rule:
    """
    *rule* with each of its schemas as *visit* leaves it; the rule itself stays.

    Args:
        rule: One of a call, whose facts have a place.
        visit: Changes the copy in the spot.
        parts: As of a `Spot`.
    """
    place = FACTS[rule.type]
    whole = Spot("message", (), place, dict(rule.schema), parts)
    visit(whole)
    inner = whole.schema.get("properties")
    if isinstance(inner, Mapping) and isinstance(inner.get(place), Mapping):
        facts = Spot("facts", ("properties", place), place, dict(inner[place]), {})
        whole.schema["properties"] = {**inner, place: _inside(facts, visit)}
    return replace(rule, schema=whole.schema)


def _inside(spot: Spot, visit: Callable[[Spot], None]) -> dict[str, Any]:
    visit(spot)
    schema = spot.schema

    def made(kind: str, *keys: str, of: Any) -> Any:
        if not isinstance(of, Mapping):
            return of
        path = (*spot.path, *keys)
        return _inside(Spot(kind, path, spot.place, dict(of), {}), visit)

    properties = schema.get("properties")
    if isinstance(properties, Mapping) and properties:
        kind = "property" if spot.kind == "facts" else "nested"
        schema["properties"] = {
            name: made(kind, "properties", name, of=one)
            for name, one in properties.items()
        }
    if "items" in schema:
        schema["items"] = made("item", "items", of=schema["items"])
    return schema
