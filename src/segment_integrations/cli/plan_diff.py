"""``segment-integrations plan diff``: what changed from one plan to another?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from segment_integrations.cli.plan_words import PLAN, changes_table, json_option
from segment_integrations.cli.spool_options import say
from segment_integrations.plan.diffing.diff import Kind
from segment_integrations.plan.diffing.diff import diff as changes_of
from segment_integrations.plan.tracking import TrackingPlan

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["diff"]

_KINDS = get_args(Kind)


@click.command
@click.argument("old", type=PLAN)
@click.argument("new", type=PLAN)
@click.option(
    "--fail-on",
    type=click.Choice(_KINDS),
    default="breaking",
    show_default=True,
    help="Exit with 1 if there is a change of this kind or a worse one.",
)
@json_option
@click.pass_context
def diff(
    ctx: click.Context, old: Path, new: Path, *, fail_on: Kind, as_json: bool
) -> None:
    """
    Tell what changed from the plan OLD to the plan NEW.

    A change is breaking if an event that was as planned may not be so any more,
    additive if more is allowed than before, and else cosmetic. Exits with 0 if
    nothing is breaking, 1 if something is, 2 for a wrong call or plan.
    """
    changes = changes_of(TrackingPlan.load(old), TrackingPlan.load(new))
    counts = Counter(one.kind for one in changes)
    is_bad = any(counts[kind] for kind in _KINDS[: _KINDS.index(fail_on) + 1])
    document = {
        "ok": not is_bad,
        "old": str(old),
        "new": str(new),
        "counts": {kind: counts[kind] for kind in _KINDS},
        "changes": [
            {
                "kind": one.kind,
                "where": one.title,
                "event": one.event,
                "version": one.version,
                "pointer": one.place,
                "text": one.text,
            }
            for one in changes
        ],
    }
    say(document, _lines(document), as_json=as_json)
    ctx.exit(1 if is_bad else 0)


def _lines(document: dict[str, Any]) -> Iterator[RenderableType]:
    if document["changes"]:
        yield changes_table(document["changes"])
    counts = document["counts"]
    yield ", ".join(f"{counts[kind]:,} {kind}" for kind in _KINDS) + "."
