"""
Tracking plans: load one, check messages against it, make code from it and it from code.

Never imported unless a plan is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from segment_integrations.plan.rules import Rule
from segment_integrations.plan.violations import Violation

if TYPE_CHECKING:
    from segment_integrations.plan.diffing.diff import Change, diff
    from segment_integrations.plan.exporting.export import exported
    from segment_integrations.plan.generating.generate import generate
    from segment_integrations.plan.linting.lint import Finding, lint
    from segment_integrations.plan.scanning.scan import Report, scan
    from segment_integrations.plan.tracking import TrackingPlan

__all__ = [
    "Change",
    "Finding",
    "Report",
    "Rule",
    "TrackingPlan",
    "Violation",
    "diff",
    "exported",
    "generate",
    "lint",
    "scan",
]

_WHERE: Final = {
    "Change": "diffing.diff",
    "Finding": "linting.lint",
    "Report": "scanning.scan",
    "TrackingPlan": "tracking",
    "diff": "diffing.diff",
    "exported": "exporting.export",
    "generate": "generating.generate",
    "lint": "linting.lint",
    "scan": "scanning.scan",
}
"""The module of each name that is imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
