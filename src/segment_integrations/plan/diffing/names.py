"""Which names an event's properties may have before they count as unplanned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from segment_integrations.plan.diffing.schema import step
from segment_integrations.plan.loading.walk import Schema, same_value
from segment_integrations.plan.rules import FACTS, Rule, RuleType

CLOSED: Final = frozenset({"TRACK", "IDENTIFY", "GROUP"})
"""Types of which `TrackingPlan.check` reports unplanned names."""

VIEWED: Final[Mapping[str, RuleType]] = {
    "Page Viewed": "PAGE",
    "Screen Viewed": "SCREEN",
}
"""Events whose rule plans the calls of a kind too, where that kind has no rule."""


@dataclass(frozen=True, slots=True)
class Names:
    """
    The names that no valid message goes beyond.

    Args:
        listed: Those that some schema names.
        patterns: Expressions that others match.
        is_any: Whether any other name is planned too.
    """

    listed: frozenset[str]
    patterns: frozenset[str]
    is_any: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """
    The object in two versions of a rule where other names are unplanned.

    Args:
        place: Its JSON pointer.
        before: What the old rule and the old common one planned.
        after: The same of the new ones.
        is_open: Whether the rule is also one of calls that are not closed.
    """

    place: str
    before: Names
    after: Names
    is_open: bool = False

    def is_new(self, name: str) -> bool:
        """Whether no valid message had *name* before."""
        before = self.before
        is_planned = before.is_any or before.patterns or name in before.listed
        return not (self.is_open or is_planned)

    def knows_only(self, names: Iterable[str]) -> bool:
        """Whether every valid message kept to *names* before."""
        before = self.before
        is_more = before.is_any or before.patterns or before.listed - {*names}
        return not (self.is_open or is_more)

    def is_lost(self, name: str) -> bool:
        """Whether *name* was planned, and is unplanned now."""
        is_planned = self.after.is_any or name in self.after.listed
        return name in self.before.listed and not is_planned

    def losses(self, seen: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Pointer and text of what is unplanned now, but for the names in *seen*."""
        if self.after.is_any:
            return
        if self.before.is_any:
            yield (
                step(self.place, "additionalProperties"),
                "names that are not listed are unplanned now",
            )
        for pattern in sorted(self.before.patterns - self.after.patterns):
            yield (
                step(self.place, "patternProperties", pattern),
                f"names that match {pattern!r} are unplanned now",
            )
        for name in sorted(self.before.listed - self.after.listed):
            if name not in seen:
                yield self.place, f"{name!r} is unplanned now"


def closed(old: Rule, new: Rule, commons: tuple[Rule | None, Rule | None]) -> Closed:
    """The properties or traits of *old* and *new*, each with the plan's common rule."""
    place = FACTS[new.type]
    facts = old.facts
    if facts.get("additionalProperties") is False and "$ref" not in facts:
        # It broke the schema, whatever else names it.
        before = Names(
            frozenset(facts.get("properties", ())),
            frozenset(facts.get("patternProperties", ())),
            is_any=False,
        )
    else:
        before = _names(old, commons[0], place)
    return Closed(
        step("", "properties", place),
        before,
        _names(new, commons[1], place),
        is_open=new.key in VIEWED,
    )


def _names(rule: Rule, common: Rule | None, place: str) -> Names:
    listed: set[str] = set()
    patterns: set[str] = set()
    is_any = False
    for root in (rule.schema, *([common.schema] if common else [])):
        for found in _facts(root, place):
            listed |= set(found.get("properties", ()))
            patterns |= set(found.get("patternProperties", ()))
            is_any |= "additionalProperties" in found
    return Names(frozenset(listed), frozenset(patterns), is_any)


def _facts(root: Schema, place: str) -> Iterator[Schema]:
    """Each schema that speaks of the properties or traits themselves."""
    for whole in same_value(root, root):
        known = whole.get("properties")
        found = known.get(place) if isinstance(known, Mapping) else None
        if isinstance(found, Mapping):
            yield from same_value(found, root)
