"""Which properties that stand in the source a rule does not have, or misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segment_integrations.plan.checking.names import Planned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from segment_integrations.plan.rules import Rule
    from segment_integrations.plan.tracking import TrackingPlan


def unplanned(plan: TrackingPlan, rule: Rule, keys: Collection[str]) -> list[str]:
    """
    The *keys* that *rule* of *plan* does not have, sorted.

    Also where it says ``"additionalProperties": false``, which the checks of messages
    tell as a violation of its schema.
    """
    facts = dict.fromkeys(sorted(keys))
    if rule.facts.get("additionalProperties") is not False:
        message: dict[str, Any] = {
            "type": "track",
            "event": rule.key,
            "properties": facts,
            "context": {"protocols": {"event_version": rule.version}},
        }
        return plan.unplanned(message)
    open_facts = {
        word: schema
        for word, schema in rule.facts.items()
        if word != "additionalProperties"
    }
    parts = {**rule.schema["properties"], "properties": open_facts}
    return Planned([{**rule.schema, "properties": parts}], "properties").others(facts)


def missing(rule: Rule, keys: Collection[str]) -> Iterator[str]:
    """The required properties of *rule* that are not among *keys*."""
    required = rule.facts.get("required", ())
    if isinstance(required, list | tuple):
        for name in required:
            if isinstance(name, str) and name not in keys:
                yield name
