"""
Is a plan sound: what can't be loaded, what no message can keep to, what does nothing?

Only a finding of level ``"error"`` says that the plan has to be mended.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from segment_integrations.core.message import EVENT_MAX_BYTES
from segment_integrations.plan.linting.finding import Finding, Level
from segment_integrations.plan.linting.properties import planned
from segment_integrations.plan.linting.schemas import (
    is_known,
    schema_faults,
    undocumented,
)
from segment_integrations.plan.names.segment import CONSENT, VIOLATION
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["RULES", "faults"]

RULES: Final = (
    "refused",
    "lookahead",
    "pattern",
    "required",
    "enum",
    "bounds",
    "useless",
    "version-gap",
    "version-deprecated",
    "event-twice",
    "event-reserved",
    "limit",
    "keyword",
)
"""What is looked for; "refused" is what `TrackingPlan.load` raises."""

_PROPERTIES: Final = 10_000
"""Segment drops what an event has beyond them. Source: Segment, "Rate limits"."""

_SHOWN_PROPERTIES: Final = 300
"""Of an event, nested ones among them. Source: Segment, "Schema limits"."""

_SHOWN_EVENTS: Final = 4_000
"""Of a source. Source: Segment, "Schema limits"."""

_TEXT: Final = 512
"""Characters of a text in a warehouse. Source: Segment, "Warehouse schemas"."""


def faults(plan: TrackingPlan) -> list[Finding]:
    """What is wrong with *plan*, rule by rule; see docs/plan/tools.md for each."""
    found = [
        *_versions(plan),
        *_twice(plan),
        *_limits(plan),
        *_keywords(plan),
    ]
    common = next((rule for rule in plan.rules if rule.type == "COMMON"), None)
    for rule in plan.rules:
        found += _reserved(rule)
        found += [
            Finding(level, name, rule.title, rule.pointer + place, text, rule.source)
            for level, name, place, text in schema_faults(rule, common)
        ]
    order = {rule.title: place for place, rule in enumerate(plan.rules)}
    return sorted(found, key=lambda one: order.get(one.title, -1))


def _finding(level: Level, name: str, rule: Rule, text: str) -> Finding:
    return Finding(level, name, rule.title, rule.pointer, text, rule.source)


def _versions(plan: TrackingPlan) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in sorted(plan.rules, key=lambda rule: rule.version):
        groups.setdefault((rule.type, rule.key), []).append(rule)
    for rules in groups.values():
        numbers = [rule.version for rule in rules]
        for before, rule in zip(numbers, rules[1:], strict=False):
            if rule.version > before + 1:
                yield _finding(
                    "warning",
                    "version-gap",
                    rule,
                    f"version {before} is followed by version {rule.version}: messages"
                    f" of one in between are checked against version {numbers[0]}",
                )
        if rules[-1].is_deprecated and any(not rule.is_deprecated for rule in rules):
            yield _finding(
                "error",
                "version-deprecated",
                rules[-1],
                "the newest version is deprecated and an older one is not: code that is"
                " made from the plan takes the newest; delete it, or add a newer one",
            )


def _twice(plan: TrackingPlan) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, rules in plan.events.items():
        plain = "".join(unicodedata.normalize("NFKC", name).split()).casefold()
        other = seen.setdefault(plain, name)
        if other != name:
            yield _finding(
                "error",
                "event-twice",
                rules[0],
                f"differs from {other!r} in nothing but case or spaces, and Segment"
                " takes them for two events",
            )


def _reserved(rule: Rule) -> Iterator[Finding]:
    if rule.type != "TRACK":
        return
    if rule.key == VIOLATION:
        yield _finding(
            "error",
            "event-reserved",
            rule,
            "Segment sends this event itself, to tell of violations: take another name",
        )
    elif rule.key == CONSENT:
        yield _finding(
            "note",
            "event-reserved",
            rule,
            "Segment adds this event to plans itself: leave it as it is",
        )


def _keywords(plan: TrackingPlan) -> Iterator[Finding]:
    """Each keyword once, however many rules have it."""
    places: dict[str, list[tuple[Rule, str]]] = {}
    for rule in plan.rules:
        for keyword, place in undocumented(rule).items():
            places.setdefault(keyword, []).append((rule, place))
    for keyword, found in places.items():
        rule, place = found[0]
        more = f", here and in {len(found) - 1:,} more" if len(found) > 1 else ""
        text = (
            f"Protocols does not document {keyword}{more}: it is checked here, and"
            " Segment may not check it"
            if is_known(keyword)
            else f"{keyword} is no keyword of draft-07{more}: it does nothing"
        )
        yield Finding(
            "note", "keyword", rule.title, rule.pointer + place, text, rule.source
        )


def _limits(plan: TrackingPlan) -> Iterator[Finding]:
    if len(plan.events) > _SHOWN_EVENTS:
        yield Finding(
            "warning",
            "limit",
            "plan",
            "",
            f"{len(plan.events):,} events: Segment shows {_SHOWN_EVENTS:,} of a source",
            plan.source,
        )
    for rule in plan.rules:
        if len(rule.key.encode(errors="replace")) > EVENT_MAX_BYTES:
            yield _finding(
                "error",
                "limit",
                rule,
                f"the name alone is over the {EVENT_MAX_BYTES:,} bytes of an event",
            )
        elif len(rule.key) > _TEXT:
            yield _finding(
                "warning",
                "limit",
                rule,
                f"a name of {len(rule.key):,} characters, of which warehouses keep"
                f" {_TEXT}",
            )
        count = sum(1 for _ in planned(rule))
        if count > _PROPERTIES:
            yield _finding(
                "error",
                "limit",
                rule,
                f"{count:,} properties: Segment drops those of an event beyond"
                f" {_PROPERTIES:,}",
            )
        elif count > _SHOWN_PROPERTIES:
            yield _finding(
                "warning",
                "limit",
                rule,
                f"{count:,} properties: Segment shows {_SHOWN_PROPERTIES} of an event",
            )
