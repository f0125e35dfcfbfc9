"""Compares two rules: their schemas, and the names that are unplanned beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segment_integrations.plan.diffing.compare import compare, worst
from segment_integrations.plan.diffing.keywords import Found
from segment_integrations.plan.diffing.names import CLOSED, closed
from segment_integrations.plan.rules import FACTS, Rule
from segment_integrations.plan.tracking import TrackingPlan

Key = tuple[str, str]
"""Type and name of a rule."""

Versions = Mapping[int, Rule]
"""The rules of one event, oldest first."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two plans: its rules by type and name, and the common one."""

    rules: Mapping[Key, Versions]
    common: Rule | None

    @classmethod
    def of(cls, plan: TrackingPlan) -> Side:
        """The side that *plan* is, its rules in their order."""
        found: dict[Key, dict[int, Rule]] = {
            (rule.type, rule.key): {} for rule in plan.rules
        }
        for rule in sorted(plan.rules, key=lambda rule: rule.version):
            found[rule.type, rule.key][rule.version] = rule
        common = found.get(("COMMON", ""))
        return cls(found, oldest(common) if common else None)

    def stand_ins(self, rule: Rule) -> list[Rule]:
        """What plans the calls of *rule*, which the plan does not have itself."""
        if rule.type not in {"PAGE", "SCREEN"}:
            return []
        viewed = ("TRACK", f"{rule.type.title()} Viewed")
        versions = self.rules.get((rule.type, "")) or self.rules.get(viewed) or {}
        return [*versions.values()]


def oldest(versions: Versions) -> Rule:
    """The rule of messages that name no version."""
    return next(iter(versions.values()))


def changes(old: Rule, new: Rule, before: Side, after: Side) -> list[Found]:
    """What changed from the rule *old* of one plan to the rule *new* of the other."""
    scope = None
    lost: list[Found] = []
    if new.type in CLOSED and old.type == new.type:
        scope = closed(old, new, (before.common, after.common))
        lost = [("breaking", place, text) for place, text in scope.losses(old.planned)]
    was = _whole(old)
    found = [*compare(was, _whole(new), "", scope), *lost]
    if worst(found) == "additive" and _refers(was):
        text = "a $ref leads elsewhere than to definitions: what is there may differ"
        found.append(("breaking", "", text))
    return found


def _whole(rule: Rule) -> Mapping[str, Any]:
    """The schema of *rule* with what holds for every message anyway."""
    schema = {"type": "object", **rule.schema}
    place = FACTS.get(rule.type)
    inner = schema.get("properties", {})
    if place is None or not isinstance(inner, Mapping):
        return schema
    facts = inner.get(place, {})
    if isinstance(facts, Mapping):
        schema["properties"] = {**inner, place: {"type": "object", **facts}}
    return schema


def _refers(value: object) -> bool:
    """Whether there is a reference to what stands elsewhere than in definitions."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            target = one.get("$ref")
            if isinstance(target, str) and not target.startswith("#/definitions/"):
                return True
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False
