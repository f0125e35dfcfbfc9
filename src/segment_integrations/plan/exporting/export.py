"""Makes a tracking plan of typed events, the other way round than `generating`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from segment_integrations.core.event import Declaration, Declared
from segment_integrations.errors import PlanError
from segment_integrations.plan.exporting.form import DIALECT, form_of
from segment_integrations.plan.exporting.types import (
    Circle,
    docstring,
    json_schema,
    laid_over,
    object_schema,
)
from segment_integrations.plan.rules import FACTS, Rule, RuleType
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["exported", "json_schema", "rule_of", "schema_of"]


def exported(
    classes: Iterable[type],
    *,
    name: str = "",
    id: str = "",  # noqa: A002 - Segment's name for it
    description: str = "",
    common: Mapping[str, Any] | None = None,
    rules: Iterable[Mapping[str, Any]] = (),
    deprecated: Iterable[Mapping[str, Any]] = (),
    form: Mapping[str, Any] | None = None,
    source: str = "<classes>",
) -> TrackingPlan:
    """
    The plan of *classes*, one rule for each, in their order.

    The keywords are those of a generated module's ``PLAN``: what no class says.

    Args:
        classes: Subclasses of `Event`, `Traits` and `View`.
        name: What people call the plan.
        id: Segment's id of it.
        description: A sentence about it.
        common: The schema that holds for each message, whatever its call.
        rules: Rules that have no class, as Segment's Public API has them.
        deprecated: The ``type``, ``key`` and ``version`` of the rules out of use.
        form: How the plan writes what says nothing (docs/plan/generate.md). Default: it
            does not write it.
        source: Where the classes are from, for error texts.

    Raises:
        PlanError: A class is none of these, two plan the same event in one version, or
            an annotation has no schema; names the class. Or *form* is none.
    """
    made = [rule_of(one) for one in classes]
    if form is not None:
        over = form_of(form).over
        made = [over(one) for one in made]
    if common is not None:
        made.append(Rule(type="COMMON", schema=dict(common), source=source))
    made += TrackingPlan.of({"rules": list(rules)}, source=source).rules
    gone = {(one.get("type"), one.get("key"), one.get("version")) for one in deprecated}
    made = [
        replace(one, is_deprecated=True)
        if (one.type, one.key, one.version) in gone
        else one
        for one in made
    ]
    return TrackingPlan(made, name=name, id=id, description=description, source=source)


def rule_of(cls: type) -> Rule:
    """
    The rule that *cls* is exported as.

    Raises:
        PlanError: As `schema_of`.
    """
    schema = schema_of(cls)
    said = _declaration(cls)
    return Rule(
        type=cast("RuleType", said.call.upper()),
        key=said.name,
        version=said.version,
        schema=schema,
        labels=dict(said.labels),
        source=_place(cls),
    )


def schema_of(cls: type) -> dict[str, Any]:
    """
    The schema of the messages that *cls* makes: draft-07, nested as Protocols has it.

    The docstring is the description, the fields are the properties under their names on
    the wire. Required is what has no default and may not be left out. There is no
    ``$ref`` in it.

    Args:
        cls: A subclass of `Event`, `Traits` or `View`.

    Raises:
        PlanError: It is none, it holds itself, or msgspec has no schema for an
            annotation; names the class.
    """
    said = _declaration(cls)
    facts = laid_over(_fields(cls), said.facts)
    text = docstring(cls)
    whole = {
        "$schema": DIALECT,
        **({"description": text} if text else {}),
        "type": "object",
        "properties": {FACTS[said.call.upper()]: facts},
    }
    return laid_over(whole, said.message)


def _fields(cls: type) -> dict[str, Any]:
    try:
        return object_schema(cls)
    except Circle as circle:
        raise PlanError(
            f"{circle} holds itself, which a plan can't say: give the inner field"
            " the type dict[str, Any]",
            source=_place(cls),
        ) from None
    except Exception as error:
        raise PlanError(
            f"an annotation has no schema: {error}", source=_place(cls)
        ) from error


def _declaration(cls: object) -> Declaration:
    said = getattr(cls, "__segment__", None)
    if isinstance(cls, Declared) and isinstance(said, Declaration):
        return said
    raise PlanError(
        "not a class of typed events: give subclasses of Event, Traits and View",
        source=_place(cls),
    )


def _place(cls: object) -> str:
    kind = cls if isinstance(cls, type) else type(cls)
    return f"{kind.__module__}.{kind.__qualname__}"
