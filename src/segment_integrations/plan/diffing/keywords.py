"""
How one keyword changed between two schemas: does it refuse what it took before?

Each function compares the same keywords of the old and the new schema and yields what
it found. Where a widening can't be proved the change counts as breaking.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from numbers import Real
from typing import Any, Final, Literal

from segment_integrations.plan.checking.engine import anchored
from segment_integrations.plan.diffing.schema import identity, is_same

Kind = Literal["breaking", "additive", "cosmetic"]
"""How bad a change is, worst first."""

Schema = Mapping[str, Any]
Found = tuple[Kind, str, str]
"""The kind, the keyword that it is about, and what happened."""

_ANY: Final = frozenset(
    {"array", "boolean", "integer", "null", "number", "object", "string"}
)
_SHOWN: Final = 5
"""So many values are named in a text."""


def types_of(schema: Schema) -> frozenset[str]:
    """The types that *schema* takes by its ``type``; all of them without one."""
    given = schema.get("type")
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names:
        return _ANY
    found = frozenset(str(name) for name in names)
    return found | {"integer"} if "number" in found else found


def type_of(value: object) -> str:
    """The JSON type of *value*, the narrowest one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Real):
        return "integer" if float(value).is_integer() else "number"
    return "object" if isinstance(value, Mapping) else "array"


def changed_types(old: Schema, new: Schema) -> Iterator[Found]:
    """``type``: what was taken before has to be among what is taken now."""
    if is_same(old.get("type"), new.get("type")):
        return
    before, after = types_of(old), types_of(new)
    if isinstance(old.get("enum"), list):
        before &= {type_of(value) for value in old["enum"]}
    text = f"takes {_types(new)}, took {_types(old)}"
    if not before <= after:
        yield "breaking", "type", f"type narrowed: {text}"
    elif not after <= types_of(old):
        yield "additive", "type", f"type widened: {text}"
    else:
        yield "cosmetic", "type", f"type written in another way: {text}"


def _types(schema: Schema) -> str:
    given = schema.get("type")
    if given is None:
        return "any type"
    return given if isinstance(given, str) else " or ".join(map(str, given))


def _values(schema: Schema) -> dict[Hashable, Any] | None:
    """The values that ``enum`` and ``const`` allow, None for all."""
    found: dict[Hashable, Any] | None = None
    if isinstance(schema.get("enum"), list):
        found = {identity(value): value for value in schema["enum"]}
    if "const" in schema:
        only = identity(schema["const"])
        is_in = found is None or only in found
        found = {only: schema["const"]} if is_in else {}
    return found


def changed_values(old: Schema, new: Schema) -> Iterator[Found]:
    """``enum`` and ``const``."""
    before, after = _values(old), _values(new)
    keyword = "const" if "const" in new and "enum" not in new else "enum"
    if before is None and after is not None:
        yield "breaking", keyword, f"only {_listed(after.values())} allowed now"
    elif before is not None and after is None:
        yield "additive", keyword, "any value is allowed now"
    elif before is not None and after is not None:
        yield from _difference(before, after, keyword)


def _difference(
    before: Mapping[Hashable, Any], after: Mapping[Hashable, Any], keyword: str
) -> Iterator[Found]:
    gone = [value for key, value in before.items() if key not in after]
    more = [value for key, value in after.items() if key not in before]
    if gone:
        yield "breaking", keyword, f"no longer allowed: {_listed(gone)}"
    if more:
        yield "additive", keyword, f"allowed as well: {_listed(more)}"
    if not gone and not more and list(before) != list(after):
        yield "cosmetic", keyword, "the values are in another order"


def _listed(values: Any) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    shown = ", ".join(texts[:_SHOWN])
    more = len(texts) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or "no value is"


def changed_pattern(old: Schema, new: Schema) -> Iterator[Found]:
    """``pattern``: lists of words are compared word by word."""
    before, after = old.get("pattern"), new.get("pattern")
    if before == after:
        return
    if isinstance(before, str) and isinstance(after, str):
        lists: list[dict[Hashable, Any]] = [
            dict(zip(text.split("|"), text.split("|"), strict=True))
            for text in (before, after)
            if anchored(text) != text
        ]
        if len(lists) == 2:  # noqa: PLR2004 - both are lists
            yield from _difference(lists[0], lists[1], "pattern")
            return
    yield from replaced(old, new, "pattern")


def replaced(old: Schema, new: Schema, keyword: str) -> Iterator[Found]:
    """A keyword of which it is only known that taking it away allows more."""
    if keyword not in new:
        if keyword in old:
            yield "additive", keyword, f"{keyword} taken away"
    elif keyword not in old:
        yield "breaking", keyword, f"{keyword} added"
    elif not is_same(old[keyword], new[keyword]):
        yield "breaking", keyword, f"{keyword} changed"


def changed_bounds(old: Schema, new: Schema) -> Iterator[Found]:
    """Upper and lower bounds of numbers, lengths and counts."""
    for keyword, strict, sign in _BOUNDS:
        names = [
            name for name in (keyword, strict) if name and (name in old or name in new)
        ]
        if not names:
            continue
        before, after = _bound(old, names, sign), _bound(new, names, sign)
        if any(
            isinstance(value := one.get(name), bool) or not isinstance(value, Real)
            for one in (old, new)
            for name in names
            if name in one
        ):
            for name in names:  # draft-04's booleans, or worse
                yield from replaced(old, new, name)
        elif before == after:
            continue
        else:
            at = next((name for name in names if name in new), names[0])
            text = _bounds(old, new, names)
            if after is None or (before is not None and after < before):
                yield "additive", at, f"{at} loosened: {text}"
            else:
                yield "breaking", at, f"{at} tightened: {text}"


_BOUNDS: Final = (
    ("minimum", "exclusiveMinimum", 1),
    ("maximum", "exclusiveMaximum", -1),
    ("minLength", "", 1),
    ("maxLength", "", -1),
    ("minItems", "", 1),
    ("maxItems", "", -1),
    ("minProperties", "", 1),
    ("maxProperties", "", -1),
)
"""The keyword, its strict form, and 1 where a greater value takes less."""


def _bound(schema: Schema, names: list[str], sign: int) -> tuple[Any, bool] | None:
    """The tightest bound, with whether it is strict; greater ones take less."""
    found = [
        (sign * schema[name], name.startswith("exclusive"))
        for name in names
        if isinstance(schema.get(name), Real)
    ]
    tightest = max(found, default=None)
    # Nothing is shorter than 0, so that such a bound is none.
    is_none = tightest == (0, False) and sign == 1 and "minimum" not in names
    return None if is_none else tightest


def _bounds(old: Schema, new: Schema, names: list[str]) -> str:
    texts = [
        " and ".join(f"{name} {one[name]}" for name in names if name in one) or "none"
        for one in (new, old)
    ]
    return f"{texts[0]}, was {texts[1]}"


def changed_multiple(old: Schema, new: Schema) -> Iterator[Found]:
    """``multipleOf``: a divisor of what it was takes more."""
    before, after = old.get("multipleOf"), new.get("multipleOf")
    if (
        type(before) is int
        and type(after) is int
        and before != after
        and after > 0
        and before % after == 0
    ):
        yield "additive", "multipleOf", f"multipleOf loosened: {after}, was {before}"
    else:
        yield from replaced(old, new, "multipleOf")


def changed_uniqueness(old: Schema, new: Schema) -> Iterator[Found]:
    """``uniqueItems``, which is false where it is not given."""
    before, after = bool(old.get("uniqueItems")), bool(new.get("uniqueItems"))
    if after and not before:
        yield "breaking", "uniqueItems", "items have to be unique now"
    elif before and not after:
        yield "additive", "uniqueItems", "items may repeat now"


_Comparison = Callable[[Schema, Schema], Iterator[Found]]

COMPARISONS: Final[tuple[_Comparison, ...]] = (
    changed_types,
    changed_values,
    changed_pattern,
    changed_bounds,
    changed_multiple,
    changed_uniqueness,
)
"""All of this module that stand for themselves."""

DONE: Final = frozenset(
    {
        "const",
        "enum",
        "multipleOf",
        "pattern",
        "type",
        "uniqueItems",
        *(name for names in _BOUNDS for name in names[:2] if name),
    }
)
"""The keywords that they compare."""
