"""
A folder of JSON Schema files as a plan.

A file is a rule of the Public API (it has ``jsonSchema``), or a bare JSON Schema. Of a
bare one the name of file and folder say what it plans: docs/plan/plans.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from segment_integrations.plan.loading.forms import rule_of
from segment_integrations.plan.loading.nesting import around
from segment_integrations.plan.loading.schemas import Place, verify
from segment_integrations.plan.rules import OLDEST, RULE_TYPES, Rule, RuleType

_VERSION: Final = re.compile(r"\.v([1-9][0-9]{0,8})$")
_TYPES: Final[Mapping[str, RuleType]] = {kind.lower(): kind for kind in RULE_TYPES}
_NAMED: Final = frozenset({"TRACK", "PAGE", "SCREEN"})


@dataclass(frozen=True, slots=True)
class Named:
    """One file: its path from the folder, what it holds, and its place."""

    path: Path
    found: Any
    place: Place


def of_files(files: Iterable[Named]) -> list[Rule]:
    """
    The rule of each of *files*, in their order.

    Raises:
        PlanError: A file is neither a rule nor a JSON Schema.
    """
    return [_rule(one) for one in files]


def _rule(file: Named) -> Rule:
    stem, version = _split(file.path.stem)
    folders = [part.lower() for part in file.path.parts[:-1]]
    kind = next((_TYPES[one] for one in reversed(folders) if one in _TYPES), None)
    alone = _TYPES.get(stem.lower()) if kind is None else None
    type_: RuleType = kind or (alone if alone != "TRACK" else None) or "TRACK"
    found, place = file.found, file.place
    if isinstance(found, Mapping) and "jsonSchema" in found:
        return rule_of(found, place, type_=type_)
    if not isinstance(found, Mapping):
        raise place.wrong("must be an object: a rule, or a JSON Schema")
    if "rules" in found:
        raise place.wrong("is a whole plan, not one event: load the file by itself")
    key = _key(found, stem) if type_ in _NAMED and alone is None else ""
    verify(found, place.of(key))
    return Rule(
        type=type_,
        key=key,
        version=version,
        schema=around(found, type_),
        source=place.source,
    )


def _split(stem: str) -> tuple[str, int]:
    """``"Order Completed.v2"`` to its name and version."""
    found = _VERSION.search(stem)
    return (stem[: found.start()], int(found[1])) if found else (stem, OLDEST)


def _key(schema: Mapping[str, Any], stem: str) -> str:
    title = schema.get("title")
    return title if isinstance(title, str) and title else stem
