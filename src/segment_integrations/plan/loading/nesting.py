"""Puts a schema of properties or traits into one of the whole message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from segment_integrations.plan.rules import FACTS, RuleType

MESSAGE_PARTS: Final = frozenset({"context", "traits", "properties"})
"""What a schema of a whole message speaks of, and a schema of facts does not."""


def of_message(schema: Mapping[str, Any]) -> bool:
    """Whether *schema* speaks of a whole message, and not of the facts alone."""
    known = schema.get("properties")
    return isinstance(known, Mapping) and bool(known) and set(known) <= MESSAGE_PARTS


def around(schema: Mapping[str, Any], kind: RuleType) -> Mapping[str, Any]:
    """*schema* as one of the whole message, which it may be already."""
    if kind not in FACTS or of_message(schema):
        return schema
    place = FACTS[kind]
    inner = {
        key: found
        for key, found in schema.items()
        if key not in {"$schema", "$id", "description", "labels", "title"}
    }
    outer = {
        key: schema[key]
        for key in ("$schema", "title", "description", "labels")
        if key in schema
    }
    return {
        **outer,
        "type": "object",
        "properties": {place: _repointed(inner, f"#/properties/{place}")},
        **({"required": [place]} if schema.get("required") else {}),
    }


def _repointed(found: Any, prefix: str) -> Any:
    """*found* with each reference to its own root leading to *prefix*."""
    if isinstance(found, list):
        return [_repointed(one, prefix) for one in found]
    if not isinstance(found, Mapping):
        return found
    return {
        key: f"{prefix}{inner[1:]}"
        if key == "$ref" and isinstance(inner, str) and inner[:2] in {"#", "#/"}
        else _repointed(inner, prefix)
        for key, inner in found.items()
    }
