"""All that loading refuses in a plan, where loading itself tells of the first only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segment_integrations.errors import PlanError
from segment_integrations.plan.checking.engine import meta
from segment_integrations.plan.linting.finding import Finding
from segment_integrations.plan.loading.folder import Named, of_files
from segment_integrations.plan.loading.forms import parts_of
from segment_integrations.plan.loading.load import files_in, read
from segment_integrations.plan.loading.schemas import Place, verify
from segment_integrations.plan.loading.walk import escaped
from segment_integrations.plan.rules import Rule
from segment_integrations.plan.tracking import TrackingPlan

_TEXT_MAX: Final = 200
"""Characters of what the JSON Schema library says."""

_Piece = tuple[Any, str, str]
"""A plan of one rule; the pointer of the rule in it, and in the whole plan."""


def examined(path: Path) -> tuple[TrackingPlan, list[Finding]]:
    """
    Load the plan at *path* as far as it can be loaded.

    Returns:
        The plan of all rules that are not refused, and what is refused.
    """
    try:
        return TrackingPlan.load(path), []
    except PlanError as error:
        first = _finding(error)
    found: list[Finding] = []
    plan = TrackingPlan(_usable(_rules(path, found), found), source=str(path))
    return plan, found if first in found else [first, *found]


def _rules(path: Path, found: list[Finding]) -> Iterator[Rule]:
    """The rules that are of the right shape; the others go to *found*."""
    if path.is_dir():
        for file in files_in(path):
            try:
                named = Named(
                    file.relative_to(path), read(file, str(file)), Place(str(file))
                )
                yield from of_files([named])
            except PlanError as error:
                found.append(_finding(error))
        return
    try:
        document = read(path, str(path))
    except PlanError:
        return
    for piece, inner, outer in _pieces(document):
        try:
            rules = parts_of(piece, Place(str(path))).rules
        except PlanError as error:
            found.append(_finding(error, inner, outer))
            continue
        for rule in rules:
            yield _moved(rule, inner, outer)


def _pieces(document: Any) -> Iterator[_Piece]:
    outer = ""
    for name in ("data", "trackingPlan"):
        inner = document.get(name) if isinstance(document, Mapping) else None
        if isinstance(inner, Mapping) and "rules" not in document:
            document, outer = inner, f"{outer}/{name}"
    if isinstance(document, Mapping):
        document, outer = document.get("rules"), f"{outer}/rules"
    if isinstance(document, list):
        for index, one in enumerate(document):
            yield [one], "/0", f"{outer}/{index}"
    elif isinstance(document, Mapping):
        yield from _old_pieces(document, outer)


def _old_pieces(parts: Mapping[str, Any], outer: str) -> Iterator[_Piece]:
    events = parts.get("events")
    for index, one in enumerate(events if isinstance(events, list) else ()):
        at = f"/events/{index}"
        yield {"rules": {"events": [one]}}, "/rules/events/0", outer + at
    for name, one in parts.items():
        if name != "events":
            yield {"rules": {name: one}}, "/rules", outer


def _moved(rule: Rule, inner: str, outer: str) -> Rule:
    return replace(rule, pointer=outer + rule.pointer.removeprefix(inner))


def _usable(rules: Iterable[Rule], found: list[Finding]) -> Iterator[Rule]:
    """The rules that can be checked, each once; the others go to *found*."""
    seen: dict[tuple[str, str, int], Rule] = {}
    for rule in rules:
        try:
            verify(rule.schema, Place(rule.source, rule.key, rule.pointer))
            before = seen.setdefault((rule.type, rule.key, rule.version), rule)
            if before is not rule:
                TrackingPlan([before, rule])
        except PlanError as error:
            found += _all_of(rule, _finding(error))
        else:
            yield rule


def _all_of(rule: Rule, first: Finding) -> Iterator[Finding]:
    """*first* and all else that makes the schema of *rule* none, each place once."""
    yield first
    seen = {first.place}
    for error in meta().iter_errors(dict(rule.schema)):
        place = rule.pointer + escaped(error.instance_path)
        if place not in seen:
            seen.add(place)
            text = f"is no JSON Schema of draft-07: {error.message[:_TEXT_MAX]}"
            yield replace(first, place=place, text=text)


def _finding(error: PlanError, inner: str = "", outer: str = "") -> Finding:
    named = f"event {error.event!r}" if error.event else ""
    place = ", ".join(part for part in (error.source, named, error.pointer) if part)
    pointer = error.pointer
    if pointer.startswith(inner):
        pointer = outer + pointer.removeprefix(inner)
    return Finding(
        "error",
        "refused",
        named or "plan",
        pointer,
        str(error).removeprefix(f"{place}: "),
        error.source,
    )
