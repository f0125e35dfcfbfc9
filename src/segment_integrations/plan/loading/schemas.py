"""
Whether a schema of a plan can be checked at all, told before the first event comes.

A schema is compiled when its first event comes, as most of a large plan's are never
needed in one process; what could be wrong with it is looked for here, at a tenth of
the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from segment_integrations.errors import PlanError
from segment_integrations.plan.checking.engine import (
    Broken,
    compiled,
    meta,
    pattern_trouble,
)
from segment_integrations.plan.linting.patterns import foreign
from segment_integrations.plan.loading.walk import (
    DEPTH_MAX,
    Pointer,
    Schema,
    TooDeep,
    escaped,
    in_place,
    resolved,
    walk,
)

_DRAFTS: Final = frozenset(
    f"json-schema.org/draft-{number}/schema" for number in ("04", "06", "07")
)
_ASKING: Final = frozenset({"$schema", "$id", "$ref", "pattern", "patternProperties"})
_TEXT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a plan we are: all that a `PlanError` names."""

    source: str
    event: str = ""
    pointer: str = ""

    def at(self, *parts: object) -> Place:
        """The place that *parts* lead to from here."""
        return Place(self.source, self.event, self.pointer + escaped(parts))

    def of(self, event: str) -> Place:
        """This place, as one of *event*."""
        return Place(self.source, event, self.pointer)

    def wrong(self, text: str) -> PlanError:
        """The error to raise about this place."""
        return PlanError(
            text, source=self.source, event=self.event, pointer=self.pointer
        )


def verify(schema: Schema, place: Place) -> None:
    """
    Make sure that *schema*, which stands at *place*, can be checked.

    Raises:
        PlanError: It is no JSON Schema of draft-07, or has a wrong pattern, a reference
            that leads out of it, nowhere or in a circle, or too many levels.
    """
    try:
        # Most schemas in a plan only have a type.
        every = list(walk(schema))
        asking = [one for one in every if not _ASKING.isdisjoint(one[1])]
    except TooDeep as deep:
        raise place.at(*deep.pointer[:4]).wrong(
            f"holds schemas in each other for more than {DEPTH_MAX} levels,"
            " or itself: make it flatter"
        ) from None
    for pointer, found in asking:
        _drafted(found, place, pointer)
    try:
        error = next(iter(meta().iter_errors(dict(schema))), None)
    except (ValueError, TypeError) as trouble:
        raise place.wrong(f"holds a value that is no JSON: {trouble}") from trouble
    if error is not None:
        raise place.at(*error.instance_path).wrong(
            f"is no JSON Schema of draft-07: {error.message[:_TEXT_MAX]}"
            f"{_advice(error)}"
        )
    for pointer, found in asking:
        _matchable(found, place, pointer)
        if "$ref" in found:
            _inner(found["$ref"], schema, place.at(*pointer, "$ref"))
    if any("$ref" in found for _, found in asking):
        _refuse_circles(schema, every, place)
    if any("$ref" in found or "$id" in found for _, found in asking):
        _compile(schema, place)


def _advice(error: Broken) -> str:
    """What to know about *error*, if it is of a regular expression."""
    kind: Any = error.kind  # each keyword has its own
    if kind.name == "propertyNames":  # of patternProperties
        return _advice(kind.error)
    if kind.name != "format" or not isinstance(error.instance, str):
        return ""
    found = foreign(error.instance)
    which = f", which have no {found}" if found else ""
    return f": JSON Schema's regular expressions are those of ECMA-262{which}"


def _drafted(schema: Schema, place: Place, pointer: Pointer) -> None:
    draft = schema.get("$schema")
    if draft is None:
        return
    text = draft if isinstance(draft, str) else ""
    if text.partition("://")[2].rstrip("#") not in _DRAFTS:
        raise place.at(*pointer, "$schema").wrong(
            "names a dialect that is not known here: write it in draft-07,"
            ' "http://json-schema.org/draft-07/schema#"'
        )


def _matchable(schema: Schema, place: Place, pointer: Pointer) -> None:
    inner = schema.get("patternProperties", {})
    ways = [((*pointer, "patternProperties", key), key) for key in inner]
    if "pattern" in schema:
        ways.append(((*pointer, "pattern"), schema["pattern"]))
    for way, pattern in ways:
        if trouble := pattern_trouble(pattern):
            raise place.at(*way).wrong(
                f"is no regular expression that can be used: {trouble[:_TEXT_MAX]}"
            )


def _inner(ref: str, root: Schema, place: Place) -> None:
    if not ref.startswith("#"):
        raise place.wrong(
            "refers to a schema outside of its own document, and nothing is fetched:"
            " put that schema into definitions, and refer to #/definitions/..."
        )
    if ref[1:2] in {"", "/"} and resolved(ref, root) is None:
        raise place.wrong("refers to a place that holds no schema")


def _compile(schema: Schema, place: Place) -> None:
    try:
        compiled(schema)
    except Broken as error:
        raise place.at(*error.instance_path).wrong(
            f"can't be used: {error.message[:_TEXT_MAX]}"
        ) from error


def _refuse_circles(
    root: Schema, every: Iterable[tuple[Pointer, Schema]], place: Place
) -> None:
    ways = {id(found): pointer for pointer, found in every}
    starts = [found for _, found in every]
    for step, text in (
        (in_place, "refers to itself without end"),
        (_needed, "needs another of itself in each of itself, so nothing satisfies it"),
    ):
        found = _circle(starts, root, step)
        if found is not None:
            raise place.at(*ways.get(id(found), ())).wrong(
                f"{text}: let the circle pass through an optional property"
            )


def _needed(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The schemas that whatever satisfies *schema* must satisfy, or must hold."""
    if "$ref" in schema:
        yield from in_place(schema, root)
        return
    yield from (one for one in schema.get("allOf", ()) if isinstance(one, dict))
    if schema.get("type") == "object":
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if isinstance(inner := known.get(name), dict):
                yield inner
    items = schema.get("items")
    if (
        schema.get("type") == "array"
        and schema.get("minItems", 0) > 0
        and isinstance(items, dict)
    ):
        yield items


def _circle(
    starts: Iterable[Schema], root: Schema, step: Callable[..., Iterator[Schema]]
) -> Schema | None:
    """A schema from which steps lead back to it, or None."""
    done: set[int] = set()
    for start in starts:
        path: list[tuple[Schema, Iterator[Schema]]] = []
        open_: set[int] = set()
        following: Schema | None = start
        while following is not None or path:
            if following is not None and id(following) in open_:
                return following
            if following is not None and id(following) not in done:
                path.append((following, step(following, root)))
                open_.add(id(following))
            if not path:
                break
            one, steps = path[-1]
            following = next(steps, None)
            if following is None:
                path.pop()
                open_.discard(id(one))
                done.add(id(one))
    return None
