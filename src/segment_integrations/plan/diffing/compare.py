"""
Compares two schemas, place by place: what was valid before, and is not any more?

A change counts as breaking unless it is proved that the new schema takes all that the
old one took. The properties of a track call and the traits of identify and group are
*closed*: a name that is not planned is a violation, so that no valid message had it.
Everywhere else such a name is free, unless ``additionalProperties`` is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segment_integrations.plan.diffing.keywords import (
    COMPARISONS,
    DONE,
    Found,
    Kind,
    Schema,
    replaced,
)
from segment_integrations.plan.diffing.names import Closed
from segment_integrations.plan.diffing.schema import (
    KNOWN,
    SAYS_NOTHING,
    bare,
    identity,
    is_same,
    means_the_same,
    step,
)

_HERE: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "contains",
        "definitions",
        "else",
        "if",
        "items",
        "not",
        "oneOf",
        "patternProperties",
        "properties",
        "propertyNames",
        "required",
        "then",
    }
)
"""The keywords that this module compares."""


def compare(
    old: object, new: object, place: str, closed: Closed | None = None
) -> Iterator[Found]:
    """
    What changed from *old* to *new*.

    Args:
        old: The schema as it was.
        new: The schema as it is.
        place: The JSON pointer of both.
        closed: The object somewhere in them whose other names are unplanned.

    Returns:
        Kind, JSON pointer and text of each change.
    """
    if is_same(old, new):
        return
    if old is False:
        yield "additive", place, "a value is allowed now"
    elif new is False:
        yield "breaking", place, "no value is allowed any more"
    else:
        before, after = ({} if one is True else one for one in (old, new))
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _compared(before, after, place, closed)
        else:
            yield "breaking", place, "changed"


def _compared(
    old: Schema, new: Schema, place: str, closed: Closed | None
) -> Iterator[Found]:
    for comparison in COMPARISONS:
        for kind, keyword, text in comparison(old, new):
            yield kind, step(place, keyword), text
    yield from _objects(old, new, place, closed)
    yield from _arrays(old, new, place, closed)
    yield from _conditions(old, new, place)
    yield from _branches(old, new, place)
    for keyword in sorted({*old, *new} - DONE - _HERE):
        if is_same(old.get(keyword, _ABSENT), new.get(keyword, _ABSENT)):
            continue
        at = step(place, keyword)
        if keyword in SAYS_NOTHING:
            yield "cosmetic", at, f"{keyword} changed"
        elif keyword in KNOWN and keyword != "$ref":
            for kind, _, text in replaced(old, new, keyword):
                yield kind, at, text
        else:
            yield "breaking", at, f"{keyword} changed: what that does is not known"


_ABSENT: Final = "(absent)"
"""Stands for a keyword that is not there; no schema is a text."""


def worst(changes: Iterable[Found]) -> Kind | None:
    """The worst kind among *changes*, None where there are none."""
    kinds = {kind for kind, _, _ in changes}
    order: tuple[Kind, ...] = ("breaking", "additive", "cosmetic")
    return next((kind for kind in order if kind in kinds), None)


def _named(schema: Schema, keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, Mapping) else {}


def _required(schema: Schema) -> list[str]:
    found = schema.get("required")
    return found if isinstance(found, list) else []


def _objects(
    old: Schema, new: Schema, place: str, closed: Closed | None
) -> Iterator[Found]:
    before, after = _named(old, "properties"), _named(new, "properties")
    scope = closed if closed and closed.place == place else None
    for name in {**before, **after}:
        at = step(place, "properties", name)
        if name not in after:
            yield _removed(before[name], new, at, name, scope)
        elif name not in before:
            yield _added(old, new, at, name, scope)
        else:
            yield from compare(before[name], after[name], at, closed)
    yield from _requirements(old, new, place)
    yield from _others(old, new, place, scope)
    patterns, now = (_named(one, "patternProperties") for one in (old, new))
    for pattern in {**patterns, **now}:
        at = step(place, "patternProperties", pattern)
        if pattern in patterns and pattern in now:
            yield from compare(patterns[pattern], now[pattern], at, closed)
        else:
            done = "added" if pattern in now else "taken away"
            yield "breaking", at, f"patternProperties {done}"


def _removed(
    schema: object, new: Schema, at: str, name: str, closed: Closed | None
) -> Found:
    if closed and closed.is_lost(name):
        return "breaking", at, f"{name!r} removed: it is unplanned now"
    others = new.get("additionalProperties", True)
    if others is False:
        return "breaking", at, f"{name!r} removed: additionalProperties refuses it"
    if worst(compare(schema, others, at)) == "breaking":
        return "breaking", at, f"{name!r} removed: additionalProperties takes less"
    return "additive", at, f"{name!r} removed: its value is free now"


def _added(
    old: Schema, new: Schema, at: str, name: str, closed: Closed | None
) -> Found:
    schema = new["properties"][name]
    if name in _required(new) and name not in _required(old):
        return "breaking", at, f"{name!r} added, required"
    others = old.get("additionalProperties", True)
    if _named(old, "patternProperties"):
        others = True  # it may match one
    is_new = others is False or (closed is not None and closed.is_new(name))
    if not is_new and worst(compare(others, schema, at)) == "breaking":
        return (
            "breaking",
            at,
            f"{name!r} added, optional: it was free before, with any value",
        )
    return "additive", at, f"{name!r} added, optional"


def _requirements(old: Schema, new: Schema, place: str) -> Iterator[Found]:
    before, after = _required(old), _required(new)
    at = step(place, "required")
    appeared = {*_named(new, "properties")} - {*_named(old, "properties")}
    vanished = {*_named(old, "properties")} - {*_named(new, "properties")}
    for name in after:
        if name not in before and name not in appeared:
            yield "breaking", at, f"{name!r} is required now"
    for name in before:
        if name not in after and name not in vanished:
            yield "additive", at, f"{name!r} is optional now"
    if set(before) == set(after) and before != after:
        yield "cosmetic", at, "required lists the names in another way"


def _others(
    old: Schema, new: Schema, place: str, closed: Closed | None
) -> Iterator[Found]:
    keyword = "additionalProperties"
    at = step(place, keyword)
    if is_same(old.get(keyword, _ABSENT), new.get(keyword, _ABSENT)):
        return
    if (
        closed
        and keyword not in old
        and new[keyword] is not False
        and closed.knows_only(_named(old, "properties"))
    ):
        yield "additive", at, "names that are not listed are allowed now"
        return
    if closed and keyword not in new and not closed.after.is_any:
        if old[keyword] is False:
            yield "additive", at, "names that are not listed are only unplanned now"
        return  # else `Closed.losses` tells
    changes = list(compare(old.get(keyword, True), new.get(keyword, True), at))
    yield from changes or [("cosmetic", at, "written in another way")]


def _arrays(
    old: Schema, new: Schema, place: str, closed: Closed | None
) -> Iterator[Found]:
    before, after = (one.get("items", True) for one in (old, new))
    at = step(place, "items")
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield "breaking", at, "items changed in number"
            return
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from compare(was, now, step(at, index), closed)
        yield from compare(
            old.get("additionalItems", True),
            new.get("additionalItems", True),
            step(place, "additionalItems"),
            closed,
        )
    elif isinstance(before, list) != isinstance(after, list):
        if "items" in new:
            yield "breaking", at, "items changed between one schema and a list"
        else:
            yield "additive", at, "items may be anything now"
    else:
        changes = list(compare(before, after, at, closed))
        if not changes and ("items" in old) != ("items" in new):
            changes = [("cosmetic", at, "written in another way")]
        yield from changes
        if not is_same(
            old.get("additionalItems", _ABSENT), new.get("additionalItems", _ABSENT)
        ):
            yield (
                "cosmetic",
                step(place, "additionalItems"),
                "additionalItems changed, which says nothing without a list of items",
            )


def _conditions(old: Schema, new: Schema, place: str) -> Iterator[Found]:
    if all(
        is_same(old.get(keyword, _ABSENT), new.get(keyword, _ABSENT))
        for keyword in ("if", "then", "else")
    ):
        return
    at = step(place, "if")
    if "if" not in new:
        yield "additive" if "if" in old else "cosmetic", at, "the condition is gone"
        return
    if "if" in old and not means_the_same(old["if"], new["if"]):
        yield "breaking", at, "the condition changed"
        return
    changes = [
        change
        for keyword in ("then", "else")
        for change in compare(
            old.get(keyword, True) if "if" in old else True,
            new.get(keyword, True),
            step(place, keyword),
        )
    ]
    yield from changes or [("cosmetic", at, "written in another way")]


def _branches(old: Schema, new: Schema, place: str) -> Iterator[Found]:
    for keyword in (
        "allOf", "anyOf", "oneOf", "not", "contains", "propertyNames", "definitions",
    ):  # fmt: skip
        before, after = old.get(keyword, _ABSENT), new.get(keyword, _ABSENT)
        at = step(place, keyword)
        if is_same(before, after):
            continue
        if means_the_same({keyword: before}, {keyword: after}):
            yield "cosmetic", at, f"{keyword} is worded in another way"
        elif keyword == "definitions":
            yield from _definitions(old, new, at)
        elif before is _ABSENT or after is _ABSENT:
            for kind, _, text in replaced(old, new, keyword):
                yield kind, at, text
        elif keyword in {"contains", "propertyNames"}:
            yield from compare(before, after, at)
        elif keyword == "not":
            is_less = worst(compare(after, before, at)) != "breaking"
            yield "additive" if is_less else "breaking", at, "not changed"
        else:
            yield from _lists(keyword, before, after, at)


def _definitions(old: Schema, new: Schema, at: str) -> Iterator[Found]:
    before, after = _named(old, "definitions"), _named(new, "definitions")
    for name in {**before, **after}:
        if name not in before or name not in after:
            done = "added" if name in after else "removed"
            yield "cosmetic", step(at, name), f"definition {name!r} {done}"
        elif not means_the_same(before[name], after[name]):
            # Who refers to it may do so below a `not`.
            yield "breaking", step(at, name), f"definition {name!r} changed"


def _lists(keyword: str, before: Any, after: Any, at: str) -> Iterator[Found]:
    if keyword != "oneOf" and len(before) == len(after):
        for index, (was, now) in enumerate(zip(before, after, strict=True)):
            yield from compare(was, now, step(at, index))
        return
    fewer, more = (before, after) if keyword == "anyOf" else (after, before)
    known = {identity(bare(one)) for one in more}
    is_less = keyword != "oneOf" and all(identity(bare(one)) in known for one in fewer)
    yield "additive" if is_less else "breaking", at, f"{keyword} changed"
