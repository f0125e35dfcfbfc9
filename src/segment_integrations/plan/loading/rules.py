"""Puts the rules of a plan into their index, and refuses those that have no place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from segment_integrations.plan.loading.schemas import Place, verify
from segment_integrations.plan.rules import RULE_TYPES, Rule

Index = dict[tuple[str, str], dict[int, Rule]]
"""Rules by type and key, and of these by version, the oldest first."""


def indexed(rules: Iterable[Rule]) -> tuple[tuple[Rule, ...], Index]:
    """
    *rules* with their labels in one place, and the index of them.

    Raises:
        PlanError: A rule has an unknown type or no name, its schema can't be checked,
            or two are of the same type, key and version.
    """
    ordered = tuple(_labelled(rule) for rule in rules)
    index: Index = {}
    for rule in ordered:
        place = Place(rule.source, rule.key, rule.pointer)
        if rule.type not in RULE_TYPES:
            raise place.wrong(f"type must be one of {', '.join(RULE_TYPES)}")
        if rule.type == "TRACK" and not rule.key:
            raise place.wrong("a TRACK rule needs the event's name as its key")
        verify(rule.schema, place)
        versions = index.setdefault((rule.type, rule.key), {})
        if (before := versions.get(rule.version)) is not None:
            raise place.wrong(
                f"{rule.title} is planned twice in version {rule.version}, first at"
                f" {before.source}{before.pointer and f' {before.pointer}'}:"
                " give one another version, or remove it"
            )
        versions[rule.version] = rule
    for key, versions in index.items():
        index[key] = dict(sorted(versions.items()))
    return ordered, index


def _labelled(rule: Rule) -> Rule:
    """*rule* with the labels of its schema moved to its own."""
    labels = rule.schema.get("labels")
    if not isinstance(labels, Mapping):
        return rule
    schema = {key: found for key, found in rule.schema.items() if key != "labels"}
    texts = {str(key): str(found) for key, found in labels.items()}
    return replace(rule, schema=schema, labels={**texts, **rule.labels})
