"""
Does a plan keep to Segment's conventions: names of events and of properties?

What stands against them can be sent all the same; see `sound` for what can't.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from segment_integrations.errors import ConfigurationError
from segment_integrations.plan.linting.finding import Finding, Level
from segment_integrations.plan.linting.properties import (
    Property,
    cases,
    planned,
    signs,
    spellings,
    types,
)
from segment_integrations.plan.names.events import case_faults, data_in, order_faults
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["RULES", "Finding", "lint"]

RULES: Final[Mapping[str, Level]] = {
    "event-case": "error",
    "event-order": "error",
    "event-data": "error",
    "property-case": "error",
    "property-spelling": "error",
    "property-type": "error",
    "property-signs": "error",
    "description": "note",
}
"""What is looked for, and how bad it is."""


def lint(plan: TrackingPlan, *, ignore: Iterable[str] = ()) -> list[Finding]:
    """
    What in *plan* does not keep to the conventions. Deprecated rules are left out.

    Args:
        plan: The plan.
        ignore: Names of `RULES` that are not looked for.

    Raises:
        ConfigurationError: One of *ignore* is no rule.
    """
    left_out = frozenset(ignore)
    if unknown := sorted(left_out - RULES.keys()):
        raise ConfigurationError(
            f"{unknown[0]!r} is no rule of lint: {', '.join(RULES)}", setting="ignore"
        )
    rules = [rule for rule in plan.rules if not rule.is_deprecated]
    found = [
        *_events(rules),
        *_properties([one for rule in rules for one in planned(rule)]),
        *_descriptions(rules),
    ]
    order = {rule.title: place for place, rule in enumerate(plan.rules)}
    found.sort(key=lambda one: order.get(one.title, -1))
    return [one for one in found if one.rule not in left_out]


def _finding(name: str, rule: Rule, place: str, text: str) -> Finding:
    return Finding(
        RULES[name], name, rule.title, rule.pointer + place, text, rule.source
    )


def _events(rules: Iterable[Rule]) -> Iterator[Finding]:
    names = {rule.key: rule for rule in reversed([*rules]) if rule.type == "TRACK"}
    for name, rule in names.items():
        for text in case_faults(name):
            yield _finding("event-case", rule, "", f"the name {text}")
        for text in order_faults(name):
            yield _finding("event-order", rule, "", f"the name {text}")
        if what := data_in(name):
            yield _finding(
                "event-data",
                rule,
                "",
                f"the name seems to have {what} in it: one name for all, and what tells"
                " them apart as a property",
            )


def _properties(properties: list[Property]) -> Iterator[Finding]:
    for name, look in (
        ("property-case", cases),
        ("property-spelling", spellings),
        ("property-type", types),
        ("property-signs", signs),
    ):
        for one, text in look(properties):
            yield _finding(name, one.rule, one.place, text)


def _descriptions(rules: Iterable[Rule]) -> Iterator[Finding]:
    for rule in rules:
        if rule.type == "COMMON":
            continue
        if not rule.description.strip() and rule.key:
            yield _finding("description", rule, "", "the event has no description")
        bare = [
            one.name for one in planned(rule) if one.is_top and not one.is_described
        ]
        if bare:
            yield _finding(
                "description", rule, "", f"without a description: {', '.join(bare)}"
            )
