"""What in one rule's schema can't be kept to, does nothing, or is not Segment's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import Any, Final

from segment_integrations.plan.checking.names import facts_in
from segment_integrations.plan.diffing.keywords import type_of, types_of
from segment_integrations.plan.diffing.schema import (
    KNOWN,
    SAYS_NOTHING,
    step,
    walk,
)
from segment_integrations.plan.linting.finding import Level
from segment_integrations.plan.linting.patterns import has_negative_lookahead, refused
from segment_integrations.plan.rules import FACTS, Rule

Fault = tuple[Level, str, str, str]
"""The level, the rule's name, the JSON pointer in the schema, and what it is."""

Schema = Mapping[str, Any]

_DOCUMENTED: Final = SAYS_NOTHING | {
    *["additionalProperties", "allOf", "anyOf", "else", "enum", "format", "if"],
    *["items", "not", "oneOf", "pattern", "properties", "required", "then", "type"],
}
"""Source: Segment, "The Protocols Tracking Plan", columns and JSON Schema."""

_FORMAT: Final = "date-time"
"""The format that Protocols documents."""

_OF_TYPE: Final = {
    "string": ("format", "maxLength", "minLength", "pattern"),
    "number": (
        "exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf",
    ),
    "array": (
        "additionalItems", "contains", "items", "maxItems", "minItems", "uniqueItems",
    ),
    "object": (
        "additionalProperties", "dependencies", "maxProperties", "minProperties",
        "patternProperties", "properties", "propertyNames", "required",
    ),
}  # fmt: skip
_KINDS: Final = {name: kind for kind, names in _OF_TYPE.items() for name in names}
"""The type of the values that a keyword looks at."""

_BOUNDS: Final = frozenset(
    {
        *["exclusiveMinimum", "maxProperties", "minItems", "minLength", "minimum"],
        *["minProperties"],
    }
)
"""Of those that stand against each other, one of each pair."""

_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONS: Final = ("if", "then", "else")
_SHOWN: Final = 5


def schema_faults(rule: Rule, common: Rule | None = None) -> Iterator[Fault]:
    """
    All that is wrong with the schema of *rule*.

    Args:
        rule: The rule.
        common: The rule of all messages, which plans names as well.
    """
    for at, schema in walk(rule.schema):
        yield from _patterns(schema, at)
        yield from _values(schema, at)
        yield from _bounds(schema, at)
        yield from _useless(schema, at)
    yield from _requirements(rule, common)


def undocumented(rule: Rule) -> dict[str, str]:
    """The keywords in *rule* that Protocols does not document, and where first."""
    found: dict[str, str] = {}
    for at, schema in walk(rule.schema):
        for keyword, value in schema.items():
            if keyword not in _DOCUMENTED:
                found.setdefault(keyword, step(at, keyword))
            elif keyword == "format" and value != _FORMAT:
                found.setdefault(f"format {value!r}", step(at, keyword))
    return found


def is_known(keyword: str) -> bool:
    """Whether *keyword*, of `undocumented`, is one of JSON Schema."""
    return keyword in KNOWN or keyword.startswith("format ")


def _patterns(schema: Schema, at: str) -> Iterator[Fault]:
    patterns: list[tuple[str, object]] = [
        (step(at, "patternProperties", one), one)
        for one in _mapping(schema, "patternProperties")
    ]
    if "pattern" in schema:
        patterns.append((step(at, "pattern"), schema["pattern"]))
    for place, pattern in patterns:
        if not isinstance(pattern, str):
            continue
        if has_negative_lookahead(pattern):
            yield (
                "error",
                "lookahead",
                place,
                "negative lookahead (?! is not supported by Segment: use not",
            )
        for what in refused(pattern):
            yield (
                "error",
                "pattern",
                place,
                f"Segment's engine has no such thing: {what}",
            )


def _values(schema: Schema, at: str) -> Iterator[Fault]:
    types = types_of(schema)
    for keyword, values in (
        ("enum", schema.get("enum")),
        ("const", [schema["const"]] if "const" in schema else None),
    ):
        if not isinstance(values, list):
            continue
        place = step(at, keyword)
        if not values:
            yield "error", "enum", place, "an empty enum: no value is valid"
        if out := [value for value in values if type_of(value) not in types]:
            yield (
                "error",
                "enum",
                place,
                f"the type excludes {_listed(out)}: takes {' or '.join(sorted(types))}",
            )
        elif "null" in types and "type" in schema and None not in values:
            yield (
                "warning",
                "enum",
                place,
                f"the type takes null, which {keyword} does not list: it is not valid",
            )


def _listed(values: list[Any]) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _bounds(schema: Schema, at: str) -> Iterator[Fault]:
    if _BOUNDS.isdisjoint(schema):
        return
    for lows, highs in (
        (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")),
        (("minLength",), ("maxLength",)),
        (("minItems",), ("maxItems",)),
        (("minProperties",), ("maxProperties",)),
    ):
        for low in lows:
            for high in highs:
                least: Any = schema.get(low)
                most: Any = schema.get(high)
                if not _is_number(least) or not _is_number(most):
                    continue
                is_strict = (low + high).count("exclusive") > 0
                if least > most or (is_strict and least == most):
                    yield (
                        "error",
                        "bounds",
                        step(at, low),
                        f"{low} {least} and {high} {most}: no value is valid",
                    )
    names = schema.get("required")
    count: Any = schema.get("maxProperties")
    if isinstance(names, list) and _is_number(count) and len(names) > count:
        yield (
            "error",
            "bounds",
            step(at, "maxProperties"),
            f"maxProperties {count} and {len(names)} required: no value is valid",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _useless(schema: Schema, at: str) -> Iterator[Fault]:
    if "type" not in schema:
        return
    types = types_of(schema)
    for keyword in schema:
        kind = _KINDS.get(keyword)
        if kind and not types & ({"number", "integer"} if kind == "number" else {kind}):
            yield (
                "warning",
                "useless",
                step(at, keyword),
                f"{keyword} looks at {kind}s only, and the type takes none",
            )


def _requirements(rule: Rule, common: Rule | None) -> Iterator[Fault]:
    """Names that are required and not planned, in the properties and below."""
    place = FACTS.get(rule.type)
    if place is None:
        return
    waiting: list[tuple[str, object]] = [(step("", "properties", place), rule.facts)]
    beside = [] if common is None else [*facts_in(common.schema, place)]
    while waiting:
        at, schema = waiting.pop()
        if not isinstance(schema, Mapping):
            continue
        parts = [*_in_place(schema, at)]
        every = [*(part for _, part in parts), *beside]
        beside = []  # below the facts' own level the rule stands for itself
        names = {name for part in every for name in _mapping(part, "properties")}
        is_open = any(
            part.get("additionalProperties", False) is not False
            or "patternProperties" in part
            or "$ref" in part
            for part in every
        )
        for here, part in parts:
            yield from () if is_open else _missing(part, here, names)
            waiting += [
                (step(here, "properties", name), inner)
                for name, inner in _mapping(part, "properties").items()
            ]
            for keyword in ("items", "additionalProperties"):
                if isinstance(part.get(keyword), Mapping):
                    waiting.append((step(here, keyword), part[keyword]))


def _missing(part: Schema, at: str, names: Iterable[str]) -> Iterator[Fault]:
    required = part.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in names:
            yield (
                "error",
                "required",
                step(at, "required"),
                f"{name!r} is required and not planned: add it to properties",
            )


def _in_place(schema: Schema, at: str) -> Iterator[tuple[str, Schema]]:
    """*schema* and those that look at the same value, but for what must not be."""
    waiting: list[tuple[str, object]] = [(at, schema)]
    while waiting:
        here, one = waiting.pop()
        if not isinstance(one, Mapping):
            continue
        yield here, one
        waiting += [
            (step(here, keyword), one[keyword])
            for keyword in _CONDITIONS
            if keyword in one
        ]
        for keyword in _BRANCHES:
            branches = one.get(keyword)
            if isinstance(branches, list):
                waiting += [
                    (step(here, keyword, index), branch)
                    for index, branch in enumerate(branches)
                ]


def _mapping(schema: Schema, keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, Mapping) else {}
