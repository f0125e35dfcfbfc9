"""``segment-integrations plan``: check, compare and use a tracking plan."""

from __future__ import annotations

from typing import Final

import click

from segment_integrations.cli.group import Lazy, LazyGroup

__all__ = ["COMMANDS", "plan"]

_EXTRA: Final = "plan"
_HELP: Final = {
    "check": "Find what is wrong with a plan.",
    "diff": "Tell what changed from one plan to another.",
    "export": "Write the plan of typed events.",
    "generate": "Write typed events of a plan.",
    "lint": "Find names that do not keep to the conventions.",
    "scan": "Compare the events in source code with a plan.",
}
COMMANDS: Final = {
    name: Lazy(f"segment_integrations.cli.plan_{name}", _EXTRA, text)
    for name, text in _HELP.items()
}


@click.group(cls=LazyGroup, table=COMMANDS, no_args_is_help=True)
def plan() -> None:
    """Check, compare and use a tracking plan."""
