"""Finds the typed events of modules by name; imports them, as only they know it all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple

from segment_integrations.core.event import Declaration, Declared
from segment_integrations.errors import PlanError
from segment_integrations.plan.exporting.export import exported
from segment_integrations.plan.tracking import TrackingPlan

__all__ = ["exported_from"]

KEPT: Final = "PLAN"
"""What a generated module calls the part of its plan that no class says."""


class _Found(NamedTuple):
    classes: list[type]
    kept: Mapping[str, Any]


def exported_from(
    targets: Iterable[str],
    *,
    name: str = "",
    id: str = "",  # noqa: A002 - Segment's name for it
    description: str = "",
) -> TrackingPlan:
    """
    The plan of the classes that *targets* name, each once, in the order of the code.

    Args:
        targets: ``"module"`` for the classes that are defined in a module or, for a
            package, inside of it, but for those whose name begins with ``_``;
            ``"module:name"`` for a class, or a list or tuple of classes.
        name: What people call the plan; by default what the module's ``PLAN`` says.
        id: The same for its id.
        description: The same for its description.

    Raises:
        PlanError: A module can't be imported, there is no such name or no class, or a
            class makes no rule.
    """
    classes: dict[type, None] = {}
    kept: dict[str, Any] = {}
    for target in targets:
        found = _found(target)
        classes.update(dict.fromkeys(found.classes))
        for key, value in found.kept.items():
            kept[key] = _joined(kept[key], value) if key in kept else value
    given = {"name": name, "id": id, "description": description}
    kept.update((key, text) for key, text in given.items() if text)
    try:
        return exported(classes, **kept)
    except TypeError as error:
        raise PlanError(f"{KEPT} is not of this version: {error}") from error


def _joined(first: Any, second: Any) -> Any:
    """What two modules keep: lists of both, and else what the first one says."""
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        both = first.keys() & second.keys()
        return {
            **second,
            **first,
            **{key: _joined(first[key], second[key]) for key in both},
        }
    return first


def _found(target: str) -> _Found:
    module_name, _, path = target.partition(":")
    module = _imported(module_name, target)
    if not path:
        classes = [one for one in vars(module).values() if _is_of(one, module)]
        kept = vars(module).get(KEPT)
        if isinstance(kept, Mapping):
            return _Found(classes, kept)
        if not classes:
            raise PlanError(
                "it defines no subclass of Event, Traits or View", source=target
            )
        return _Found(classes, {})
    value: object = module
    for part in path.split("."):
        value = getattr(value, part, None)
        if value is None:
            raise PlanError(f"there is no {path} in {module_name}", source=target)
    listed: list[type] = []
    for one in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(one, type):
            raise PlanError(
                "must be a class, or a list or tuple of classes, got"
                f" {type(one).__name__}",
                source=target,
            )
        listed.append(one)
    return _Found(listed, {})


def _imported(name: str, target: str) -> ModuleType:
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        hint = ": give a module's name, as in shop.events" if _is_file(name) else ""
        raise PlanError(
            f"{name or 'the module'} can't be imported: {type(error).__name__}:"
            f" {error}{hint}",
            source=target,
        ) from error


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _is_of(value: object, module: ModuleType) -> bool:
    return (
        isinstance(value, Declared)
        and isinstance(getattr(value, "__segment__", None), Declaration)
        and not value.__name__.startswith("_")
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
    )
