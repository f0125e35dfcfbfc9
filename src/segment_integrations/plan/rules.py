"""What a tracking plan is made of: one `Rule` for each event and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

RuleType = Literal["TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN", "COMMON"]
"""Segment's words; COMMON holds for each message, whatever its call."""

RULE_TYPES: Final = get_args(RuleType)

FACTS: Final[Mapping[str, str]] = {
    "TRACK": "properties",
    "PAGE": "properties",
    "SCREEN": "properties",
    "IDENTIFY": "traits",
    "GROUP": "traits",
}
"""Where in a message the facts are that a rule of each type plans."""

OLDEST: Final = 1
"""The version of a rule that names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    One planned event in one version, or the rule of all identify or group calls.

    Args:
        type: Which calls it is about.
        key: The event's name for TRACK, exact and case-sensitive; for PAGE and SCREEN
            the page's name, or "" for all; "" for the others.
        version: From 1; a call names another than the oldest in
            ``context.protocols.event_version``.
        schema: JSON Schema, draft-07, of the whole message as far as the plan speaks
            of it: an object of ``context``, ``traits`` and ``properties``.
        labels: The plan's labels, ``{"owner": "growth"}``.
        is_deprecated: Whether the plan has taken it out of use.
        source: The file that it came from, for error texts.
        pointer: The JSON pointer of *schema* in that file.
    """

    type: RuleType
    key: str = ""
    version: int = OLDEST
    schema: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    is_deprecated: bool = False
    source: str = "<plan>"
    pointer: str = ""

    @property
    def description(self) -> str:
        """The plan's sentence about the event, or ""."""
        text = self.schema.get("description", "")
        return text if isinstance(text, str) else ""

    @property
    def facts(self) -> Mapping[str, Any]:
        """The schema of the properties or traits alone; empty where none is given."""
        place = FACTS.get(self.type)
        inner = self.schema.get("properties", {})
        found = inner.get(place, {}) if isinstance(inner, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    @property
    def planned(self) -> Mapping[str, Any]:
        """The schema of each planned property or trait, by its name."""
        found = self.facts.get("properties", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def title(self) -> str:
        """How people are told which rule this is: ``track 'Order Completed'``."""
        call = self.type.lower()
        named = f"{call} {self.key!r}" if self.key else call
        return named if self.version == OLDEST else f"{named} version {self.version}"
